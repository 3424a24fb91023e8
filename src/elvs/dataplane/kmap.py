"""Elements of kernel maps by descriptor: single and batch calls, and mapped memory."""

import ctypes
import errno
from collections.abc import Iterator, Sequence

from elvs.dataplane.libbpf import BpfError, MapInfo, checked, function, map_info, possible_cpus
from elvs.model.errors import TableFull

BATCH = 4096
"""Entries of one batch call: large enough that the call costs nothing, small in memory."""
PER_CPU_TYPES = {5, 6, 10}

_INT, _PTR, _U64 = ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64


def lookup(fd: int, key: bytes, value_size: int) -> bytes | None:
    """The value of a key; for a per-CPU map all CPUs' values, `value_size` is then their sum."""
    value = ctypes.create_string_buffer(value_size)
    result = function("bpf_map_lookup_elem", _INT, _PTR, _PTR)(fd, key, value)
    if result == -errno.ENOENT:
        return None
    checked(result, "cannot read a map")
    return value.raw


def update(fd: int, key: bytes, value: bytes) -> None:
    """Insert or overwrite one key. Raises TableFull."""
    call = function("bpf_map_update_elem", _INT, _PTR, _PTR, _U64)
    _stored(call(fd, key, value, 0))


def delete(fd: int, key: bytes) -> None:
    """Remove a key; one that is not there is no error."""
    result = function("bpf_map_delete_elem", _INT, _PTR)(fd, key)
    if result != -errno.ENOENT:
        checked(result, "cannot delete from a map")


def update_batch(fd: int, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
    """Insert or overwrite many keys. Raises TableFull; what came before is then in the map."""
    p = _PTR
    call = function("bpf_map_update_batch", _INT, p, p, p, p)
    for at in range(0, len(keys), BATCH):
        some = keys[at : at + BATCH]
        count = ctypes.c_uint32(len(some))
        given = b"".join(values[at : at + BATCH])
        _stored(call(fd, b"".join(some), given, ctypes.byref(count), None))


def _stored(result: int) -> None:
    if result in (-errno.E2BIG, -errno.ENOSPC):
        raise TableFull("the table of virtual services is full", "attach with more --services")
    checked(result, "cannot write a map")


def entries(fd: int) -> Iterator[tuple[bytes, bytes]]:
    """All entries of a hash map, in no order; what changes meanwhile may be missed."""
    info = map_info(fd)
    size = _value_size(info)
    room = max(BATCH, 1)
    cursor: ctypes.Array[ctypes.c_char] | None = None
    while True:
        keys = ctypes.create_string_buffer(room * info.key_size)
        values = ctypes.create_string_buffer(room * size)
        following = ctypes.create_string_buffer(max(info.key_size, 4))
        count, result = _lookup_batch(fd, cursor, following, keys, values, room)
        if result == -errno.ENOSPC:  # one bucket holds more than there is room for
            room *= 2
            continue
        raw_keys, raw = keys.raw, values.raw
        for i in range(count):
            key = raw_keys[i * info.key_size : (i + 1) * info.key_size]
            yield key, raw[i * size : (i + 1) * size]
        if result == -errno.ENOENT:  # the kernel's word for the end
            return
        cursor = following


def rows(fd: int, first: int, count: int) -> bytes:
    """Rows first..first+count-1 of an array, one after the other (per-CPU: CPU after CPU a row).

    Values of per-CPU maps are each padded to 8 bytes by the kernel.
    """
    info = map_info(fd)
    if first < 0 or first + count > info.rows:
        raise IndexError(f"rows {first}..{first + count - 1} of {info.rows}")
    if not count:
        return b""
    size = _value_size(info)
    # an array's batch cursor is the index of the last row that was read
    cursor = ctypes.c_uint32(first - 1) if first else None
    keys = ctypes.create_string_buffer(count * 4)
    values = ctypes.create_string_buffer(count * size)
    got, result = _lookup_batch(fd, cursor, ctypes.c_uint32(), keys, values, count)
    if got != count:
        raise BpfError("cannot read a map's rows", -result or errno.EIO)
    return values.raw


def _value_size(info: MapInfo) -> int:
    if info.type in PER_CPU_TYPES:
        return (info.value_size + 7) // 8 * 8 * possible_cpus()
    return info.value_size


def _lookup_batch(
    fd: int,
    cursor: ctypes.Array[ctypes.c_char] | ctypes.c_uint32 | None,
    following: ctypes.Array[ctypes.c_char] | ctypes.c_uint32,
    keys: ctypes.Array[ctypes.c_char],
    values: ctypes.Array[ctypes.c_char],
    room: int,
) -> tuple[int, int]:
    p = _PTR
    call = function("bpf_map_lookup_batch", _INT, p, p, p, p, p, p)
    count = ctypes.c_uint32(room)
    begin = None if cursor is None else ctypes.byref(cursor)
    result: int = call(fd, begin, ctypes.byref(following), keys, values, ctypes.byref(count), None)
    if result < 0 and result not in (-errno.ENOENT, -errno.ENOSPC):
        checked(result, "cannot read a map")
    return count.value if result != -errno.ENOSPC else 0, result


def memory(fd: int) -> memoryview:
    """The rows of a BPF_F_MMAPABLE array, writable, shared with the kernel; `fd` may be closed."""
    import mmap

    info = map_info(fd)
    size = (info.value_size + 7) // 8 * 8 * info.rows
    try:
        return memoryview(mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE))
    except OSError as error:
        raise BpfError("cannot map a table into memory", error.errno or errno.EIO) from None
