"""The layouts of a listing of services, as a table: title, a service's line, a server's line."""

from elvs.model.address import Family
from elvs.model.figures import Counters, RealServerView, ServiceView
from elvs.model.service import Method, RealServer, Service, ServiceFlag, TunnelType
from elvs.model.value import dataclass
from elvs.rules.ipvsadm.flags import flag_names
from elvs.rules.ipvsadm.numbers import large

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable

FORWARD = {
    Method.NAT: "Masq",
    Method.LOCAL: "Local",
    Method.TUN: "Tunnel",
    Method.DR: "Route",
    Method.BYPASS: "Bypass",
    Method.FULLNAT: "Fullnat",
}
CHECKSUM = {0: "-c", 1: "+c", 2: "r+c"}


@dataclass(frozen=True, slots=True)
class Layout:
    """`service` and `server` get the name, the view and whether numbers are to be exact."""

    title: str
    service: "Callable[[str, ServiceView, bool], str]"
    server: "Callable[[str, RealServerView, bool], str]"


def _title(*columns: str) -> str:
    """Columns as they are padded, behind the first."""
    first = "Prot LocalAddress:Port"
    return f"{first:<33} {' '.join(columns)}\n  -> RemoteAddress:Port"


def _scheduler(name: str, view: ServiceView, exact: bool) -> str:
    return f"{name} {view.service.scheduler}{_attributes(view.service)}"


def _attributes(service: Service) -> str:
    text = ""
    flags = flag_names(service.scheduler, service.flags)
    if flags:
        text += f" ({flags})"
    if ServiceFlag.PERSISTENT in service.flags:
        text += f" persistent {service.persistence_timeout}"
        text += f" mask {mask}" if (mask := mask_text(service)) else ""
    if ServiceFlag.ONE_PACKET in service.flags:
        text += " ops"
    return text


def mask_text(service: Service) -> str:
    """The persistence mask as written, empty when it is the whole address."""
    if service.key.family is Family.IPV6:
        return "" if service.netmask == 128 else str(service.netmask)
    if service.netmask == 0xFFFFFFFF:
        return ""
    return ".".join(str(byte) for byte in service.netmask.to_bytes(4, "big"))


def _counts(view: RealServerView) -> str:
    return f"{view.active:<10} {view.inactive:<10}"


def _plain(name: str, view: RealServerView, exact: bool) -> str:
    server = view.server
    return f"{name} {FORWARD[server.method]:<7} {server.weight:<6} {_counts(view)}"


def _tunnels(name: str, view: RealServerView, exact: bool) -> str:
    server = view.server
    forward = f"{FORWARD[server.method]:<7} {_tunnel(server):<13}"
    return f"{name} {forward} {server.weight:<6} {_counts(view)}"


def _tunnel(server: RealServer) -> str:
    if server.method is not Method.TUN:
        return "n/a"
    kind = server.tunnel.name.lower()
    if server.tunnel is TunnelType.IPIP:
        return kind
    port = f":{server.tunnel_port}" if server.tunnel is TunnelType.GUE else ""
    return f"{kind}{port}:{CHECKSUM[server.tunnel_flags]}"


def _thresholds(name: str, view: RealServerView, exact: bool) -> str:
    server = view.server
    return f"{name} {server.upper_threshold:<10} {server.lower_threshold:<10} {_counts(view)}"


def _persistent(name: str, view: RealServerView, exact: bool) -> str:
    return f"{name} {view.server.weight:<9} {view.persistent:<11} {_counts(view)}"


def _numbers(c: Counters, exact: bool) -> str:
    values = (c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes)
    return "".join(large(value, exact) for value in values)


def _service_stats(name: str, view: ServiceView, exact: bool) -> str:
    return f"{name:<33}{_numbers(view.counters, exact)}"


def _service_rates(name: str, view: ServiceView, exact: bool) -> str:
    return f"{name:<33}{_numbers(view.rates, exact)}"


def _stats(name: str, view: RealServerView, exact: bool) -> str:
    return name + _numbers(view.counters, exact)


def _rates(name: str, view: RealServerView, exact: bool) -> str:
    """Unlike a service's, the first three are never shortened."""
    r = view.rates
    plain = f" {r.connections:>8} {r.in_packets:>8} {r.out_packets:>8}"
    return name + plain + large(r.in_bytes, exact) + large(r.out_bytes, exact)


_SERVICE = "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward "

LAYOUTS = {
    "stats": Layout(
        _title("   Conns", "  InPkts", " OutPkts", " InBytes", "OutBytes"),
        _service_stats,
        _stats,
    ),
    "rate": Layout(
        _title("     CPS", "   InPPS", "  OutPPS", "   InBPS", "  OutBPS"),
        _service_rates,
        _rates,
    ),
    "thresholds": Layout(
        _title("Uthreshold", "Lthreshold", "ActiveConn", "InActConn "),
        _scheduler,
        _thresholds,
    ),
    "persistent-conn": Layout(
        _title("Weight   ", "PersistConn", "ActiveConn", "InActConn "),
        _scheduler,
        _persistent,
    ),
    "tun-info": Layout(
        _SERVICE + "TunnelInfo    Weight ActiveConn InActConn", _scheduler, _tunnels
    ),
    "plain": Layout(_SERVICE + "Weight ActiveConn InActConn", _scheduler, _plain),
}
"""By the option that asks for it; of several the first wins, "plain" is without any."""
