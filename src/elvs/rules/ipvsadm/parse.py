"""A command line to a Request: what is asked for, in the model's words."""

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
from elvs.model.errors import ElvsError, SchedulerNotFound
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceFlag,
    ServiceKey,
)
from elvs.model.value import dataclass
from elvs.rules.ipvsadm.entry import Entry, timeout
from elvs.rules.ipvsadm.flags import scheduler_flags
from elvs.rules.ipvsadm.options import Verb
from elvs.rules.ipvsadm.scan import Scanner
from elvs.rules.ipvsadm.tunnel import check_tunnel
from elvs.rules.ipvsadm.usage import TRY_HELP, OptionError, UsageError, check

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_SCHEDULER = "wlc"
WRONG_ROLE = {
    Verb.START_DAEMON: "illegal start-daemon parameter specified",
    Verb.STOP_DAEMON: "illegal start_daemon specified",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A command line that is right; whether it can be done, a director knows."""

    verb: Verb
    change: Change | None = None
    """What a command that changes something asks for."""
    service: ServiceKey | None = None
    """What -L is about, None: all."""
    shows: frozenset[str] = frozenset()
    """Names of the options given."""
    refused: ElvsError | None = None
    """Why no director can do it."""


def parse(argv: "Sequence[str]") -> Request:
    """Read a command line without its program name; raises UsageError."""
    if not argv:
        return Request(Verb.LIST)
    scanner = Scanner(argv)
    verb = _verb(scanner)
    if verb is Verb.HELP or verb is Verb.VERSION:
        return Request(verb)
    entry = Entry()
    given = _options(scanner, entry)
    change: Change | None = _timeouts(scanner.rest) if verb is Verb.SET else None
    if scanner.rest:
        raise UsageError(f"unexpected argument {scanner.rest[0]}")
    entry.flags |= scheduler_flags(entry.scheduler, entry.flag_names)
    check(verb, given)
    if change is None:
        change = _change(verb, entry, given)
    refused = None
    if entry.engine:
        refused = SchedulerNotFound(f"no persistence engine {entry.engine!r}", "leave --pe out")
    return Request(verb, change, entry.service, frozenset(given), refused)


def _verb(scanner: Scanner) -> Verb:
    try:
        first = scanner.following()
    except OptionError:
        first = None
    if first is None or first[0].verb is None:
        raise UsageError(TRY_HELP, 255)
    verb, role = first[0].verb, first[1]
    if verb in WRONG_ROLE and role not in ("master", "backup"):
        raise UsageError(WRONG_ROLE[verb])
    return verb


def _options(scanner: Scanner, entry: Entry) -> set[str]:
    """Read all options into the entry; returns the names of those given."""
    given: set[str] = set()
    while (found := scanner.following()) is not None:
        option, value = found
        if option.verb is not None:
            raise UsageError(f"invalid option `{scanner.word}'")
        if option.name:
            if option.name in given:
                raise UsageError(f"multiple '{option.name}' options specified")
            given.add(option.name)
        entry.read(option.long, value)
    return given


def _timeouts(rest: list[str]) -> SetTimeouts:
    if len(rest) < 3:
        raise UsageError("--set option requires 3 timeout values")
    tcp, tcp_fin, udp = (timeout(rest.pop(0)) for _ in range(3))
    return SetTimeouts(tcp, tcp_fin, udp)


def _change(verb: Verb, entry: Entry, given: set[str]) -> Change | None:
    """The change that a complete, checked command line asks for."""
    match verb:
        case Verb.FLUSH:
            return Clear()
        case Verb.ZERO:
            return Zero(entry.service)
        case Verb.ADD_SERVICE:
            return AddService(_service(entry))
        case Verb.EDIT_SERVICE:
            return EditService(_service(entry))
        case Verb.DELETE_SERVICE:
            return DeleteService(_service_key(entry))
        case Verb.ADD_SERVER:
            return AddServer(_service_key(entry), _server(entry, given))
        case Verb.EDIT_SERVER:
            return EditServer(_service_key(entry), _server(entry, given))
        case Verb.DELETE_SERVER:
            return DeleteServer(_service_key(entry), _server_key(entry))
    return None


def _service_key(entry: Entry) -> ServiceKey:
    assert entry.service is not None  # check() has seen to it
    return entry.service


def _server_key(entry: Entry) -> RealServerKey:
    assert entry.server is not None  # check() has seen to it
    return entry.server


def _service(entry: Entry) -> Service:
    key, flags = _service_key(entry), entry.flags
    if not key.mark and not key.port and ServiceFlag.PERSISTENT not in flags:
        raise UsageError("Zero port specified for non-persistent service")
    if ServiceFlag.ONE_PACKET in flags and not key.mark and key.protocol is not Protocol.UDP:
        raise UsageError("One-Packet Scheduling is only for UDP virtual services")
    scheduler = entry.scheduler or DEFAULT_SCHEDULER
    return Service(key, scheduler, flags, entry.persistence, entry.netmask)


def _server(entry: Entry, given: set[str]) -> RealServer:
    service, key = _service_key(entry), _server_key(entry)
    if entry.method is not Method.NAT and not service.mark:
        key = RealServerKey(key.address, service.port)  # DR and TUN change no port
    if key.address.family is not service.family and entry.method is not Method.TUN:
        raise UsageError("Different address family is allowed only for tunneling servers")
    check_tunnel(entry.method, entry.tunnel, given)
    return RealServer(
        key,
        entry.method,
        entry.weight,
        entry.upper_threshold,
        entry.lower_threshold,
        entry.tunnel,
        entry.tunnel_port,
        entry.tunnel_flags,
    )
