"""Whether a transaction was left half done: the head of the journal, all that a listing needs."""

import struct

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from os import PathLike

HEADER = struct.Struct("<8sIQIII")
"""Magic, CRC-32 of the rest, its length; how many ops, released and resting areas."""
MAGIC = b"elvsjnl1"


def unfinished(directory: "str | PathLike[str]") -> bool:
    """Whether the journal in `directory` names ops, or is damaged; needs no lock."""
    try:
        with open(f"{directory}/journal", "rb") as file:  # noqa: PTH123 - pathlib takes 4 ms
            head = file.read(HEADER.size)
    except FileNotFoundError:
        return False
    if len(head) < HEADER.size:
        return True
    magic, _, _, ops, _, _ = HEADER.unpack(head)
    return bool(magic != MAGIC or ops)
