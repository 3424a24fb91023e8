"""What a command line says of a service and a server, gathered option by option.

Order matters where ipvsadm's does: `-6` and `-M` look at the service read so far, `-r` takes its
port and protocol.
"""

from _socket import AF_INET, AF_INET6, inet_pton  # socket makes enums of hundreds

from elvs.model.address import Address, Family
from elvs.model.service import Method, Protocol, RealServerKey, ServiceFlag, ServiceKey, TunnelType
from elvs.rules.ipvsadm.addresses import INT_MAX, endpoint, ipv4, leading_number, number
from elvs.rules.ipvsadm.usage import UsageError

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_PERSISTENCE = 360
"""Seconds of `-p` alone; the manual page says 300."""
LONGEST_TIMEOUT = 31 * 24 * 3600
LARGEST_MARK = 0xFFFFFFFF
WHOLE = {Family.IPV4: 0xFFFFFFFF, Family.IPV6: 128}
ANY = {Family.IPV4: Address(bytes(4)), Family.IPV6: Address(bytes(16))}
SCHEDULER_LENGTH = 15


class Entry:
    """A service and a server in the making, with ipvsadm's defaults."""

    def __init__(self) -> None:
        self.service: ServiceKey | None = None
        self.scheduler = ""
        self.flag_names = ""
        self.flags = ServiceFlag(0)
        self.persistence = 0
        self.netmask = WHOLE[Family.IPV4]
        self.engine = ""
        self.server: RealServerKey | None = None
        self.method = Method.DR
        self.weight = 1
        self.upper_threshold = 0
        self.lower_threshold = 0
        self.tunnel = TunnelType.IPIP
        self.tunnel_port = 0
        self.tunnel_flags = 0

    def read(self, long: str, value: str | None) -> None:
        """Take the option with this long name in; raises UsageError if its value is none."""
        if long in SETTERS:
            SETTERS[long](self)
        elif long in READERS:
            READERS[long](self, value or "")
        elif long == "persistent":
            self.flags |= ServiceFlag.PERSISTENT
            self.persistence = DEFAULT_PERSISTENCE if value is None else timeout(value, 1)


def timeout(text: str, least: int = 0) -> int:
    """Seconds; raises UsageError."""
    value = number(text, least, LONGEST_TIMEOUT)
    if value is None:
        raise UsageError(f"invalid timeout value `{text}' specified")
    return value


def _virtual(entry: Entry, protocol: Protocol, text: str) -> None:
    found = endpoint(text, protocol.name.lower())
    if found is None:
        raise UsageError("illegal virtual server address[:port] specified")
    address, port = found
    entry.service = ServiceKey(protocol, address, port or 0)
    if address.family is Family.IPV6:
        entry.netmask = WHOLE[Family.IPV6]


def _mark(entry: Entry, text: str) -> None:
    mark = number(text, 1, LARGEST_MARK)
    if mark is None:
        raise UsageError(f"invalid fwmark value `{text}' specified")
    entry.service = ServiceKey(Protocol.TCP, ANY[Family.IPV4], 0, mark)


def _ipv6(entry: Entry) -> None:
    if entry.service is None or not entry.service.mark:
        raise UsageError("-6 used before -f\n")
    entry.service = ServiceKey(Protocol.TCP, ANY[Family.IPV6], 0, entry.service.mark)
    entry.netmask = WHOLE[Family.IPV6]


def _netmask(entry: Entry, text: str) -> None:
    if entry.service is not None and entry.service.family is Family.IPV6:
        entry.netmask = leading_number(text)
        if not 1 <= entry.netmask <= 128:
            raise UsageError("illegal ipv6 netmask specified")
        return
    mask = ipv4(text)
    if mask is None:
        raise UsageError("illegal virtual server persistent mask specified")
    entry.netmask = int.from_bytes(mask.packed, "big")


def _real(entry: Entry, text: str) -> None:
    service = entry.service
    found = endpoint(text, service.protocol.name.lower() if service else "")
    if found is None:
        raise UsageError("illegal real server address[:port] specified")
    address, port = found
    if port is None:
        port = service.port if service else 0
    entry.server = RealServerKey(address, port)


def _scheduler(entry: Entry, text: str) -> None:
    entry.scheduler = text[:SCHEDULER_LENGTH]


def _tunnel(entry: Entry, text: str) -> None:
    kinds = {kind.name.lower(): kind for kind in TunnelType}
    if text not in kinds:
        raise UsageError("illegal tunnel type specified")
    entry.tunnel = kinds[text]


def _multicast_group(entry: Entry, text: str) -> None:
    v6 = ":" in text
    try:
        first = inet_pton(AF_INET6 if v6 else AF_INET, text)[0]
    except (OSError, ValueError):
        first = 0
    if first != 0xFF if v6 else first & 0xF0 != 0xE0:
        raise UsageError(f"invalid IPv{6 if v6 else 4} mcast-group `{text}'")


def _number(field: str, what: str, least: int, most: int) -> "Callable[[Entry, str], None]":
    """A reader of a number, kept in `field` of the entry; only looked at where that is empty."""

    def read(entry: Entry, text: str) -> None:
        value = number(text, least, most)
        if value is None:
            raise UsageError(f"illegal {what} specified")
        if field:
            setattr(entry, field, value)

    return read


def _sets(field: str, value: object) -> "Callable[[Entry], None]":
    return lambda entry: setattr(entry, field, value)


def _adds_flag(flag: ServiceFlag) -> "Callable[[Entry], None]":
    return lambda entry: setattr(entry, "flags", entry.flags | flag)


SETTERS: "dict[str, Callable[[Entry], None]]" = {
    "ipv6": _ipv6,
    "ops": _adds_flag(ServiceFlag.ONE_PACKET),
    "gatewaying": _sets("method", Method.DR),
    "ipip": _sets("method", Method.TUN),
    "masquerading": _sets("method", Method.NAT),
    "tun-nocsum": _sets("tunnel_flags", 0),
    "tun-csum": _sets("tunnel_flags", 1),
    "tun-remcsum": _sets("tunnel_flags", 2),
}
"""Options without a value."""

READERS: "dict[str, Callable[[Entry, str], None]]" = {
    "tcp-service": lambda entry, text: _virtual(entry, Protocol.TCP, text),
    "udp-service": lambda entry, text: _virtual(entry, Protocol.UDP, text),
    "sctp-service": lambda entry, text: _virtual(entry, Protocol.SCTP, text),
    "fwmark-service": _mark,
    "scheduler": _scheduler,
    "netmask": _netmask,
    "pe": lambda entry, text: setattr(entry, "engine", text),
    "sched-flags": lambda entry, text: setattr(entry, "flag_names", text),
    "real-server": _real,
    "weight": _number("weight", "weight", 0, INT_MAX),
    "u-threshold": _number("upper_threshold", "u_threshold", 0, INT_MAX),
    "l-threshold": _number("lower_threshold", "l_threshold", 0, INT_MAX),
    "tun-type": _tunnel,
    "tun-port": _number("tunnel_port", "tunnel port", 1, 65535),
    "syncid": _number("", "syncid", 0, 255),
    "sync-maxlen": _number("", "sync-maxlen", 1, 65507),
    "mcast-group": _multicast_group,
    "mcast-port": _number("", "mcast-port", 1, 65535),
    "mcast-ttl": _number("", "mcast-ttl", 1, 255),
}
"""Options with a value; what sync alone would need is looked at and forgotten."""
