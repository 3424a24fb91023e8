"""`-L` in all its layouts: which lines, from views of services; nothing is read here."""

from collections.abc import Iterable, Iterator, Sequence

from elvs.model.address import Family
from elvs.model.figures import Connection, Counters, RealServerView, ServiceView
from elvs.model.service import Method, Service, ServiceFlag, ServiceKey
from elvs.rules.ipvsadm.flags import flag_names
from elvs.rules.ipvsadm.names import Names
from elvs.rules.ipvsadm.numbers import large
from elvs.rules.ipvsadm.order import compare_servers, compare_services, sorted_as_ipvsadm

FORWARD = {
    Method.NAT: "Masq",
    Method.LOCAL: "Local",
    Method.TUN: "Tunnel",
    Method.DR: "Route",
    Method.BYPASS: "Bypass",
    Method.FULLNAT: "Fullnat",
}
LAYOUTS = ("stats", "rate", "thresholds", "persistent-conn", "tun-info")
"""Options that choose a layout, the one that wins first."""
SERVICE_TITLE, SERVER_TITLE = "Prot LocalAddress:Port", "  -> RemoteAddress:Port"
PLAIN_TITLE = f"{SERVICE_TITLE} Scheduler Flags"


def _columns(width: str, *heads: str) -> tuple[str, str]:
    cells = "".join(f" {head:{width}}" for head in heads)
    return f"{SERVICE_TITLE:<33}{cells}", SERVER_TITLE


TITLES = {
    "plain": (
        PLAIN_TITLE,
        f"{SERVER_TITLE}           Forward Weight ActiveConn InActConn",
    ),
    "stats": _columns(">8", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"),
    "rate": _columns(">8", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"),
    "thresholds": _columns("<10", "Uthreshold", "Lthreshold", "ActiveConn", "InActConn"),
    "persistent-conn": (
        f"{SERVICE_TITLE:<33} Weight    PersistConn ActiveConn InActConn ",
        SERVER_TITLE,
    ),
    "tun-info": (
        PLAIN_TITLE,
        f"{SERVER_TITLE}           Forward TunnelInfo    Weight ActiveConn InActConn",
    ),
}
TUNNEL_FLAGS = {0: "-c", 1: "+c", 2: "r+c"}


def header(size: int) -> str:
    """First line of a whole listing; `size` is the table's."""
    return f"IP Virtual Server version 1.2.1 (size={size})"


def listing(views: Sequence[ServiceView], shows: frozenset[str], names: Names) -> Iterator[str]:
    """Title and entries; `shows` are the names of the options given."""
    layout = next((name for name in LAYOUTS if name in shows), "plain")
    yield from TITLES[layout]
    ordered = list(views)
    if "nosort" not in shows:
        ordered = sorted_as_ipvsadm(
            ordered, lambda a, b: compare_services(a.service.key, b.service.key)
        )
    for view in ordered:
        yield _service_line(view, layout, "exact" in shows, names)
        servers: Sequence[RealServerView] = view.servers
        if "nosort" not in shows:
            servers = sorted_as_ipvsadm(
                servers, lambda a, b: compare_servers(a.server.key, b.server.key)
            )
        for server in servers:
            yield _server_line(server, view.service.key, layout, "exact" in shows, names)


def service_name(key: ServiceKey, names: Names) -> str:
    """First columns of a service's line."""
    if key.mark:
        return f"FWM  {key.mark}" + (" IPv6" if key.family is Family.IPV6 else "")
    text = f"{key.protocol.name:<4} {names(key.address, key.port, key.protocol.name.lower())}"
    return text if key.family is Family.IPV6 else text[:33]


def _service_line(view: ServiceView, layout: str, exact: bool, names: Names) -> str:
    name = service_name(view.service.key, names)
    if layout == "stats":
        return f"{name:<33}{_stats(view.counters, exact)}"
    if layout == "rate":
        return f"{name:<33}{_rates(view.rates, exact)}"
    return f"{name} {view.service.scheduler}{_attributes(view.service)}"


def _attributes(service: Service) -> str:
    text = ""
    flags = flag_names(service.scheduler, service.flags)
    if flags:
        text += f" ({flags})"
    if service.flags & ServiceFlag.PERSISTENT:
        text += f" persistent {service.persistence_timeout}"
        text += f" mask {mask}" if (mask := mask_text(service)) else ""
    if service.flags & ServiceFlag.ONE_PACKET:
        text += " ops"
    return text


def mask_text(service: Service) -> str:
    """The persistence mask as written, empty when it is the whole address."""
    if service.key.family is Family.IPV6:
        return "" if service.netmask == 128 else str(service.netmask)
    if service.netmask == 0xFFFFFFFF:
        return ""
    return ".".join(str(byte) for byte in service.netmask.to_bytes(4, "big"))


def _server_line(
    view: RealServerView, service: ServiceKey, layout: str, exact: bool, names: Names
) -> str:
    server = view.server
    protocol = "" if service.mark else service.protocol.name.lower()
    name = names(server.key.address, server.key.port, protocol)
    if server.key.address.family is Family.IPV4:
        name = name[:28]
    head = f"  -> {name:<28}"
    counts = f"{view.active:<10} {view.inactive:<10}"
    match layout:
        case "stats":
            return head + _stats(view.counters, exact)
        case "rate":
            return head + _rates(view.rates, exact)
        case "thresholds":
            return f"{head} {server.upper_threshold:<10} {server.lower_threshold:<10} {counts}"
        case "persistent-conn":
            return f"{head} {server.weight:<9} {view.persistent:<11} {counts}"
    forward = f"{head} {FORWARD[server.method]:<7}"
    if layout == "tun-info":
        forward += f" {_tunnel(view):<13}"
    return f"{forward} {server.weight:<6} {counts}"


def _tunnel(view: RealServerView) -> str:
    server = view.server
    if server.method is not Method.TUN:
        return "n/a"
    kind = server.tunnel.name.lower()
    if kind == "ipip":
        return kind
    port = f":{server.tunnel_port}" if kind == "gue" else ""
    return f"{kind}{port}:{TUNNEL_FLAGS[server.tunnel_flags]}"


def _stats(c: Counters, exact: bool) -> str:
    values = (c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes)
    return "".join(large(value, exact) for value in values)


def _rates(c: Counters, exact: bool) -> str:
    plain = f" {c.connections:>8} {c.in_packets:>8} {c.out_packets:>8}"
    return plain + large(c.in_bytes, exact) + large(c.out_bytes, exact)


def connections(
    entries: Iterable[Connection], shows: frozenset[str], names: Names
) -> Iterator[str]:
    """`-L -c`."""
    yield "IPVS connection entries"
    title = "pro expire state       source             virtual            destination"
    yield f"{title}        pe name          pe_data" if "persistent-conn" in shows else title
    for c in entries:
        ends = [
            names(end.address, end.port, c.protocol.name.lower())
            for end in (c.client, c.virtual, c.real)
        ]
        expires = f"{c.expires // 60:02}:{c.expires % 60:02}"
        yield (
            f"{c.protocol.name:<3} {expires:<6} {c.state:<11} {ends[0]:<18} {ends[1]:<18} {ends[2]}"
        )
