"""Sections of an ELF file: 64 bits, little-endian, as clang writes for BPF."""

from struct import error, unpack_from

from elvs.model.errors import PlatformError


def section(blob: bytes, name: bytes) -> bytes:
    """The content of section `name`; raises PlatformError if there is none or it is no ELF file."""
    try:
        if blob[:6] != b"\x7fELF\x02\x01":
            raise PlatformError("this is no 64-bit little-endian ELF file", "build it again")
        (table,) = unpack_from("<Q", blob, 40)
        size, count, names = unpack_from("<HHH", blob, 58)
        headers = [unpack_from("<IIQQQQ", blob, table + i * size) for i in range(count)]
        strings = headers[names][4]
        for at, _, _, _, offset, length in headers:
            start = strings + at
            if blob[start : blob.index(b"\0", start)] == name:
                return blob[offset : offset + length]
    except (error, ValueError, IndexError):
        raise PlatformError("the ELF file is damaged", "build it again") from None
    raise PlatformError(f"the object has no section {name.decode()}", "build it with clang -g")
