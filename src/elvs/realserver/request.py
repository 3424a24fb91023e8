"""What an operator asks of a real server, and whether it makes sense on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from elvs.model.address import Address, Family
from elvs.model.errors import InvalidValue
from elvs.realserver.facts import Facts

METHODS = ("dr", "tun", "nat")


@dataclass(frozen=True, slots=True)
class Request:
    """VIPs served here and how their packets come.

    `gateways` (DIPs) and `ports` are for NAT only, `program` for TUN: unpack by our own program
    even where the kernel has a tunnel device.
    """

    method: str
    vips: tuple[Address, ...]
    gateways: tuple[Address, ...] = ()
    ports: tuple[int, ...] = ()
    program: bool = False

    @classmethod
    def parse(
        cls,
        method: str,
        vips: Iterable[str],
        gateways: Iterable[str],
        ports: Iterable[int] = (),
        program: bool = False,
    ) -> "Request":
        """Read and judge what was written; raises InvalidValue. Doubles are dropped."""
        request = cls(
            method,
            tuple(dict.fromkeys(Address.parse(text) for text in vips)),
            tuple(dict.fromkeys(Address.parse(text) for text in gateways)),
            tuple(sorted(set(ports))),
            program,
        )
        request._judge()
        return request

    @property
    def families(self) -> tuple[Family, ...]:
        return tuple(sorted({vip.family for vip in self.vips}))

    def of(self, family: Family) -> tuple[Address, ...]:
        return tuple(vip for vip in self.vips if vip.family is family)

    def gateway(self, family: Family) -> Address:
        return next(dip for dip in self.gateways if dip.family is family)

    def merged(self, other: "Request") -> "Request":
        """This request with the VIPs and ports of `other` added; raises where they contradict."""
        for name in ("method", "gateways"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs and not (name == "gateways" and self._agree(other)):
                raise InvalidValue(
                    f"this server is set up with {name.rstrip('s')} {_text(mine)}, "
                    f"not {_text(theirs)}",
                    "run `elvs realserver down` first",
                )
        return Request(
            self.method,
            tuple(dict.fromkeys(self.vips + other.vips)),
            tuple(dict.fromkeys(self.gateways + other.gateways)),
            # no port at all stands for every port
            tuple(sorted({*self.ports, *other.ports})) if self.ports and other.ports else (),
            self.program or other.program,
        )

    def argv(self) -> list[str]:
        """The options of `elvs realserver up` that ask for this."""
        words = ["--method", self.method]
        for option, values in (
            ("--vip", self.vips),
            ("--gateway", self.gateways),
            ("--port", self.ports),
        ):
            for value in values:
                words += [option, str(value)]
        return [*words, "--program"] if self.program else words

    def _agree(self, other: "Request") -> bool:
        """Whether no family has two gateways."""
        gateways = {*self.gateways, *other.gateways}
        return len(gateways) == len({gateway.family for gateway in gateways})

    def _judge(self) -> None:
        if self.method not in METHODS:
            raise InvalidValue(
                f"no forwarding method {self.method!r} for a real server", "take dr, tun or nat"
            )
        if not self.vips:
            raise InvalidValue("no VIP given", "name the service's address by --vip")
        for address in self.vips + self.gateways:
            _judge_address(address)
        if self.method == "nat":
            self._judge_gateways()
        elif self.gateways or self.ports:
            option = "--gateway" if self.gateways else "--port"
            raise InvalidValue(
                f"{option} is for NAT only, not {self.method}", f"leave {option} out"
            )
        if self.program and self.method != "tun":
            raise InvalidValue(
                f"--program is for TUN only, not {self.method}", "leave --program out"
            )

    def _judge_gateways(self) -> None:
        for family in self.families:
            count = sum(dip.family is family for dip in self.gateways)
            if count != 1:
                raise InvalidValue(
                    f"NAT needs one {_name(family)} gateway for {self.of(family)[0]}, "
                    f"{count or 'none'} given",
                    f"name the director's {_name(family)} address by --gateway",
                )
        for dip in self.gateways:
            if dip.family not in self.families:
                raise InvalidValue(
                    f"gateway {dip} is {_name(dip.family)}, but no VIP is",
                    "give VIP and gateway of one family",
                )
            if dip in self.vips:
                raise InvalidValue(
                    f"gateway {dip} is a VIP", "give the director's own address in this network"
                )


def judge(request: Request, facts: Facts) -> None:
    """Raise InvalidValue where `request` cannot work on the machine of `facts`."""
    for vip in request.vips:
        for interface in facts.interfaces:
            for held in interface.addresses:
                if held.address != vip:
                    continue
                if not interface.silent:
                    raise InvalidValue(
                        f"{vip} stands on {interface.name}, which answers ARP or NDP for it",
                        f"`ip addr del {vip}/{held.prefix} dev {interface.name}` first",
                    )
                if held.prefix != len(vip.packed) * 8:
                    raise InvalidValue(
                        f"{vip}/{held.prefix} on {interface.name} makes that whole network local",
                        f"`ip addr del {vip}/{held.prefix} dev {interface.name}` first",
                    )
    if request.method == "tun":
        for family in request.families:
            if not facts.receivers(family, request.vips):
                raise InvalidValue(
                    f"no Ethernet interface with an {_name(family)} address is up, so no "
                    f"{_name(family)} tunnel can end here",
                    f"give this server an {_name(family)} address",
                )
    for dip in request.gateways:
        _judge_gateway(dip, facts)


def _judge_gateway(dip: Address, facts: Facts) -> None:
    if any(held.address == dip for one in facts.interfaces for held in one.addresses):
        raise InvalidValue(f"gateway {dip} is this server itself", "give the director's address")
    if not facts.beside(dip):
        raise InvalidValue(
            f"gateway {dip} is in no network of this server; NAT needs the director on the link",
            "give its address in the servers' network, or use TUN or FULLNAT",
        )


def _judge_address(address: Address) -> None:
    kind = ip_address(address.packed)
    if kind.is_multicast or kind.is_unspecified or kind.is_loopback or kind.is_link_local:
        raise InvalidValue(
            f"{address} cannot be a VIP or a gateway", "give a unicast address that hosts can reach"
        )


def _name(family: Family) -> str:
    return "IPv4" if family is Family.IPV4 else "IPv6"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
