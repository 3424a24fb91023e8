"""What the kernel says about this server, as frozen values; `system.py` reads them."""

from dataclasses import dataclass

from elvs.model.address import Address, Family
from elvs.realserver.route import Route

TUNNEL_DEVICE = {Family.IPV4: "tunl0", Family.IPV6: "ip6tnl0"}
"""The kernel's catch-all tunnel devices: they take IPIP and 6in6 for any address of the host."""


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    address: Address
    prefix: int
    host_scope: bool = False

    @property
    def global_(self) -> bool:
        """Neither link-local nor loopback."""
        packed = self.address.packed
        if self.address.family is Family.IPV4:
            return packed[0] != 127 and packed[:2] != b"\xa9\xfe"
        return not (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80) and any(packed[:15])

    def contains(self, other: Address) -> bool:
        """Whether `other` is in the same subnet."""
        if other.family is not self.address.family:
            return False
        shift = len(other.packed) * 8 - self.prefix
        return (
            int.from_bytes(other.packed, "big") >> shift
            == int.from_bytes(self.address.packed, "big") >> shift
        )


@dataclass(frozen=True, slots=True)
class Interface:
    """A network device; the sysctls are its own values, which `conf.all` may raise."""

    index: int
    name: str
    up: bool = True
    loopback: bool = False
    ethernet: bool = True
    arp: bool = True
    kind: str = ""
    mtu: int = 1500
    addresses: tuple[InterfaceAddress, ...] = ()
    arp_ignore: int = 0
    arp_announce: int = 0
    rp_filter: int = 0

    @property
    def silent(self) -> bool:
        """Whether nobody can ask it for an address: no wire leads to it, or it knows no ARP."""
        return self.loopback or self.kind == "dummy" or not self.arp


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """A policy rule that eLVS makes: answers of `source` (from `port`) are looked up in `table`.

    `port` 0 and `protocol` 0 mean any; with `specific` the table's default routes do not count.
    """

    priority: int
    source: Address
    table: int
    protocol: int = 0
    port: int = 0
    specific: bool = False

    def __str__(self) -> str:
        words = f"from {self.source}"
        if self.protocol:
            words += f" ipproto {'tcp' if self.protocol == 6 else 'udp'}"
        if self.port:
            words += f" sport {self.port}"
        words += f" lookup {'main' if self.table == 254 else self.table}"
        return words + (" suppress_prefixlength 0" if self.specific else "")


@dataclass(frozen=True, slots=True)
class Decapsulator:
    """Our program as it is attached: where, for which of our addresses, for which VIPs."""

    interfaces: tuple[str, ...]
    receivers: tuple[Address, ...]
    vips: tuple[Address, ...]
    current: bool = True
    """Whether it is the program of this version of eLVS."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One reading of the machine (network namespace) that the caller is in."""

    interfaces: tuple[Interface, ...]
    all_arp_ignore: int = 0
    all_arp_announce: int = 0
    all_rp_filter: int = 0
    defaults: tuple[Route, ...] = ()
    """Default routes of the main table."""
    ours: tuple[Route, ...] = ()
    """Routes in the table that eLVS uses for NAT answers."""
    rules: tuple[Rule, ...] = ()
    """Rules with a source address, as far as they can be told as `Rule`."""
    clsact: frozenset[str] = frozenset()
    """Interfaces that have a clsact qdisc."""
    decapsulator: Decapsulator | None = None

    @property
    def loopback(self) -> Interface:
        return next(one for one in self.interfaces if one.loopback)

    def interface(self, name: str) -> Interface | None:
        return next((one for one in self.interfaces if one.name == name), None)

    def named(self, index: int) -> str:
        return next((one.name for one in self.interfaces if one.index == index), f"if{index}")

    def holder(self, address: Address) -> Interface | None:
        """The interface that has `address`."""
        for interface in self.interfaces:
            if any(held.address == address for held in interface.addresses):
                return interface
        return None

    def beside(self, address: Address) -> tuple[tuple[Interface, Address], ...]:
        """Interfaces on whose link `address` is, each with our addresses in its subnet."""
        return tuple(
            (interface, held.address)
            for interface in self.interfaces
            for held in interface.addresses
            if not interface.silent and interface.up and held.contains(address)
        )

    def receivers(
        self, family: Family, vips: tuple[Address, ...]
    ) -> tuple[tuple[Interface, Address], ...]:
        """Where tunnels can end: Ethernet interfaces that are up, with their global addresses."""
        return tuple(
            (interface, held.address)
            for interface in self.interfaces
            for held in interface.addresses
            if interface.up
            and interface.ethernet
            and not interface.silent
            and held.global_
            and held.address.family is family
            and held.address not in vips
        )
