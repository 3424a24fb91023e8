"""The maps of one director as memory and keys. `bpf.py` is the kernel's, `fake.py` bytearrays."""

from collections.abc import Iterator, Sequence

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from typing import Protocol as Interface
else:
    Interface = object


class Tables(Interface):
    """All maps of bpf/maps.h by their names; layouts are those of `elvs.dataplane.layout`.

    Array maps are memory shared with the running data plane: rows lie one after the other.
    Whoever changes a row that the data plane may be reading stores aligned words of at
    most 8 bytes. Only the holder of the director's lock writes.
    """

    def memory(self, name: str) -> memoryview:
        """The whole of an array map, writable, as bytes."""

    def rows(self, name: str) -> int:
        """How many rows (or entries at most) the map has."""

    def per_cpu(self, name: str, first: int, count: int) -> Sequence[Sequence[bytes]]:
        """Rows first..first+count-1 of a per-CPU array: for each row one value per possible CPU."""

    def get(self, name: str, key: bytes) -> bytes | None:
        """The value of a hash map's key."""

    def put_all(self, name: str, entries: Sequence[tuple[bytes, bytes]]) -> None:
        """Insert or overwrite many keys of a hash map. Raises TableFull."""

    def delete(self, name: str, key: bytes) -> None:
        """Remove a key of a hash map; one that is not there is no error."""

    def items(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """All entries of a hash map."""
