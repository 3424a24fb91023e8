"""IP addresses as packed bytes, cheap to import and to compare."""

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton  # socket makes enums of hundreds
from enum import IntEnum

from elvs.model.errors import InvalidValue
from elvs.model.value import dataclass


class Family(IntEnum):
    """Address family, numbered as the kernel's AF_INET and AF_INET6."""

    IPV4 = 2
    IPV6 = 10


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An IPv4 (4 bytes) or IPv6 (16 bytes) address in network order."""

    packed: bytes

    @property
    def family(self) -> Family:
        return Family.IPV4 if len(self.packed) == 4 else Family.IPV6

    @property
    def padded(self) -> bytes:
        """16 bytes as `struct addr` holds them: IPv4 in the first four, the rest zero."""
        return self.packed.ljust(16, b"\0")

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read a numeric address; raises InvalidValue for anything else."""
        family = AF_INET6 if ":" in text else AF_INET
        try:
            return cls(inet_pton(family, text))
        except OSError:
            raise InvalidValue(
                f"{text!r} is no IPv4 or IPv6 address", "write it as 192.0.2.1 or 2001:db8::1"
            ) from None

    @classmethod
    def unpad(cls, raw: bytes, family: int) -> "Address":
        """The address in the first 4 or 16 bytes of `raw`, as `family` says."""
        return cls(raw[: 4 if family == Family.IPV4 else 16])

    def __str__(self) -> str:
        packed = self.packed  # long listings spend their time here
        return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)

    def with_port(self, port: int) -> str:
        """`192.0.2.1:80` or `[2001:db8::1]:80`."""
        packed = self.packed
        if len(packed) == 4:
            return f"{inet_ntop(AF_INET, packed)}:{port}"
        return f"[{inet_ntop(AF_INET6, packed)}]:{port}"
