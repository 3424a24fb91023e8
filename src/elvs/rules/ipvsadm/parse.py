"""A command line to a Request: what is asked for, in the model's words."""

from dataclasses import dataclass, field, replace

from elvs.model.address import Address, Family
from elvs.model.change import (
    AddServer,
    AddService,
    Change,
    Clear,
    DeleteServer,
    DeleteService,
    EditServer,
    EditService,
    SetTimeouts,
    Zero,
)
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceFlag,
    ServiceKey,
    TunnelType,
)
from elvs.rules.ipvsadm.addresses import INT_MAX, endpoint, netmask4, number
from elvs.rules.ipvsadm.flags import scheduler_flags
from elvs.rules.ipvsadm.options import Option, Verb
from elvs.rules.ipvsadm.scan import TRY_HELP, UsageError, Words, check, scan

DEFAULT_PERSISTENCE = 360
MOST_PERSISTENCE = 31 * 24 * 3600
MOST_MARK = 4294967295
TUNNEL_FLAGS = {"tun-nocsum": 0, "tun-csum": 1, "tun-remcsum": 2}
ANY = {Family.IPV4: Address(bytes(4)), Family.IPV6: Address(bytes(16))}


@dataclass(slots=True)
class Request:
    """`change` is what a command that changes something asks for, None for the others."""

    verb: Verb
    change: Change | None = None
    service: ServiceKey | None = None
    shows: frozenset[str] = field(default_factory=frozenset)
    """Names of the options given with -L or -S."""


@dataclass(slots=True)
class _Entry:
    """What ipvsadm calls ce: a service and a server in the making."""

    service: Service | None = None
    scheduler: str = ""
    flags: ServiceFlag = field(default_factory=lambda: ServiceFlag(0))
    persistence: int = 0
    netmask: int | None = None
    server: RealServerKey | None = None
    server_port_given: bool = True
    method: Method = Method.DR
    numbers: dict[str, int] = field(default_factory=dict)
    tunnel: TunnelType = TunnelType.IPIP
    tunnel_flags: int = 0


def parse(argv: list[str]) -> Request:
    """Read a command line without its program name; raises UsageError."""
    words = scan(argv)
    entry = _Entry()
    for option, value in words.options:
        _take(entry, option, value)
    timeouts = _rest(words)
    check(words)
    key = entry.service.key if entry.service else None
    request = Request(words.verb, service=key, shows=frozenset(words.given()))
    request.change = timeouts or _change(words, entry)
    return request


def _rest(words: Words) -> SetTimeouts | None:
    if words.verb is Verb.SET:
        if len(words.rest) < 3:
            raise UsageError("--set option requires 3 timeout values")
        values = [_timeout(text) for text in words.rest[:3]]
        words.rest = words.rest[3:]
    elif words.verb in (Verb.START_DAEMON, Verb.STOP_DAEMON):
        _daemon_role(words)
    if words.rest:
        raise UsageError(f"unexpected argument {words.rest[0]}")
    return SetTimeouts(*values) if words.verb is Verb.SET else None


def _timeout(text: str) -> int:
    value = number(text, 0, INT_MAX)
    if value is None:
        raise UsageError(f"invalid timeout value `{text}' specified")
    return value


def _daemon_role(words: Words) -> None:
    if not words.rest:
        raise UsageError(TRY_HELP, 255)
    if words.rest.pop(0) not in ("master", "backup"):
        which = "start-daemon parameter" if words.verb is Verb.START_DAEMON else "start_daemon"
        raise UsageError(f"illegal {which} specified")


def _take(entry: _Entry, option: Option, value: str) -> None:
    """One option into the entry; order matters where ipvsadm's does."""
    match option.long:
        case "tcp-service" | "udp-service" | "sctp-service":
            entry.service = _virtual(option.long.partition("-")[0], value)
        case "fwmark-service":
            mark = number(value, 1, MOST_MARK)
            if mark is None:
                raise UsageError(f"invalid fwmark value `{value}' specified")
            entry.service = Service(ServiceKey(Protocol.TCP, ANY[Family.IPV4], 0, mark))
        case "ipv6":
            if entry.service is None or not entry.service.key.mark:
                raise UsageError("-6 used before -f\n")
            mark = entry.service.key.mark
            entry.service = Service(ServiceKey(Protocol.TCP, ANY[Family.IPV6], 0, mark))
        case "scheduler":
            entry.scheduler = value
        case "persistent":
            entry.flags |= ServiceFlag.PERSISTENT
            entry.persistence = DEFAULT_PERSISTENCE if not value else _persistence(value)
        case "netmask":
            entry.netmask = _netmask(entry, value)
        case "sched-flags":
            entry.flags |= scheduler_flags(entry.scheduler, value)
        case "ops":
            entry.flags |= ServiceFlag.ONE_PACKET
        case "real-server":
            _real(entry, value)
        case "gatewaying" | "ipip" | "masquerading":
            methods = {"gatewaying": Method.DR, "ipip": Method.TUN, "masquerading": Method.NAT}
            entry.method = methods[option.long]
        case "weight" | "u-threshold" | "l-threshold":
            entry.numbers[option.long] = _number(option.long.replace("-", "_"), value, 0, INT_MAX)
        case "tun-type":
            if value not in ("ipip", "gue", "gre"):
                raise UsageError("illegal tunnel type specified")
            entry.tunnel = TunnelType[value.upper()]
        case "tun-port":
            entry.numbers["tun-port"] = _number("tunnel port", value, 1, 65535)
        case "tun-nocsum" | "tun-csum" | "tun-remcsum":
            entry.tunnel_flags = TUNNEL_FLAGS[option.long]
        case "syncid":
            _number("syncid", value, 0, 255)
        case "sync-maxlen":
            _number("sync-maxlen", value, 1, 65507)
        case "mcast-port":
            _number("mcast-port", value, 1, 65535)
        case "mcast-ttl":
            _number("mcast-ttl", value, 1, 255)


def _number(what: str, text: str, least: int, most: int) -> int:
    value = number(text, least, most)
    if value is None:
        raise UsageError(f"illegal {what} specified")
    return value


def _persistence(text: str) -> int:
    value = number(text, 1, MOST_PERSISTENCE)
    if value is None:
        raise UsageError(f"invalid timeout value `{text}' specified")
    return value


def _virtual(protocol: str, text: str) -> Service:
    found = endpoint(text, protocol)
    if found is None:
        raise UsageError("illegal virtual server address[:port] specified")
    return Service(ServiceKey(Protocol[protocol.upper()], found.address, found.port or 0))


def _netmask(entry: _Entry, text: str) -> int:
    if entry.service and entry.service.key.family is Family.IPV6:
        prefix = number(text, 1, 128)
        if prefix is None:
            raise UsageError("illegal ipv6 netmask specified")
        return prefix
    mask = netmask4(text)
    if mask is None:
        raise UsageError("illegal virtual server persistent mask specified")
    return mask


def _real(entry: _Entry, text: str) -> None:
    protocol = entry.service.key.protocol.name.lower() if entry.service else "tcp"
    found = endpoint(text, protocol)
    if found is None:
        raise UsageError("illegal real server address[:port] specified")
    entry.server_port_given = found.port is not None
    entry.server = RealServerKey(found.address, found.port or 0)


def _change(words: Words, entry: _Entry) -> Change | None:
    """The change that a complete, checked command line asks for."""
    match words.verb:
        case Verb.FLUSH:
            return Clear()
        case Verb.ZERO:
            return Zero(entry.service.key if entry.service else None)
        case Verb.DELETE_SERVICE:
            return DeleteService(_service(entry).key)
        case Verb.ADD_SERVICE:
            return AddService(_full_service(entry))
        case Verb.EDIT_SERVICE:
            return EditService(_full_service(entry))
        case Verb.ADD_SERVER:
            return AddServer(_service(entry).key, _full_server(words, entry))
        case Verb.EDIT_SERVER:
            return EditServer(_service(entry).key, _full_server(words, entry))
        case Verb.DELETE_SERVER:
            return DeleteServer(_service(entry).key, _server_key(entry))
    return None


def _service(entry: _Entry) -> Service:
    assert entry.service is not None  # check() has seen to it
    return entry.service


def _full_service(entry: _Entry) -> Service:
    service = _service(entry)
    key, flags = service.key, entry.flags
    if not key.mark and not key.port and not flags & ServiceFlag.PERSISTENT:
        raise UsageError("Zero port specified for non-persistent service")
    if flags & ServiceFlag.ONE_PACKET and not key.mark and key.protocol is not Protocol.UDP:
        raise UsageError("One-Packet Scheduling is only for UDP virtual services")
    whole = 0xFFFFFFFF if key.family is Family.IPV4 else 128
    return replace(
        service,
        scheduler=entry.scheduler or "wlc",
        flags=flags,
        persistence_timeout=entry.persistence,
        netmask=whole if entry.netmask is None else entry.netmask,
    )


def _server_key(entry: _Entry) -> RealServerKey:
    """Without a port of its own a server has the service's; DR and TUN cannot have another."""
    service, server = _service(entry).key, entry.server
    assert server is not None  # check() has seen to it
    if not entry.server_port_given:
        return RealServerKey(server.address, service.port)
    return server


def _full_server(words: Words, entry: _Entry) -> RealServer:
    key = _server_key(entry)
    service = _service(entry).key
    if entry.method is not Method.NAT and not service.mark:
        key = RealServerKey(key.address, service.port)
    if key.address.family is not service.family and entry.method is not Method.TUN:
        raise UsageError("Different address family is allowed only for tunneling servers")
    _check_tunnel(words, entry)
    return RealServer(
        key,
        entry.method,
        entry.numbers.get("weight", 1),
        entry.numbers.get("u-threshold", 0),
        entry.numbers.get("l-threshold", 0),
        entry.tunnel,
        entry.numbers.get("tun-port", 0),
        entry.tunnel_flags,
    )


TUNNEL_MAY = {
    TunnelType.IPIP: (),
    TunnelType.GUE: ("tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"),
    TunnelType.GRE: ("tun-nocsum", "tun-csum"),
}


def _check_tunnel(words: Words, entry: _Entry) -> None:
    given = [name for name in ("tun-type", "tun-port", *TUNNEL_FLAGS) if name in words.given()]
    if given and entry.method is not Method.TUN:
        raise UsageError("Tunnel options conflict with forward method")
    kind, last = entry.tunnel.name.lower(), ""
    for name in ("tun-port", *TUNNEL_FLAGS):
        if name not in given:
            if name == "tun-port" and entry.tunnel is TunnelType.GUE:
                raise UsageError(
                    f"You need to supply the '{name}' option for the '{kind}' tunnel type"
                )
        elif name not in TUNNEL_MAY[entry.tunnel]:
            raise UsageError(f"Illegal '{name}' option with the '{kind}' tunnel type")
        elif name in TUNNEL_FLAGS:
            if last:
                raise UsageError(
                    f"The option '{name}' conflicts with the '{last}' option"
                    f" in the '{kind}' tunnel type"
                )
            last = name
