"""`-L`: the lines of a listing, from views of services or from connections; nothing is read."""

from elvs.model.address import Family
from elvs.model.figures import Connection, ServiceView
from elvs.model.service import Protocol, RealServerKey, ServiceKey
from elvs.rules.ipvsadm import order
from elvs.rules.ipvsadm.layouts import LAYOUTS

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from elvs.rules.ipvsadm.names import Names

    _Shared = tuple[tuple[RealServerKey, RealServerKey, Protocol], str, str, str]
    """Of which ends and protocol, its name in both cases, text of the ends."""

SERVICE_WIDTH = 33
SERVER_WIDTH = 28


def header(size: int) -> str:
    """First line of a whole listing; `size` is the connection table's."""
    return f"IP Virtual Server version 1.2.1 (size={size})"


def listing(
    views: "Sequence[ServiceView]", shows: "Collection[str]", names: "Names"
) -> "Iterator[str]":
    """Title and entries; `shows` are the names of the options given."""
    layout = next(LAYOUTS[name] for name in LAYOUTS if name in shows or name == "plain")
    exact, as_kept = "exact" in shows, "nosort" in shows
    yield layout.title
    for view in views if as_kept else order.services(views):
        key = view.service.key
        yield layout.service(service_name(key, names), view, exact)
        for server in view.servers if as_kept else order.servers(view.servers):
            yield layout.server(_server_name(server.server.key, key, names), server, exact)


def service_name(key: ServiceKey, names: "Names") -> str:
    """First columns of a service's line."""
    if key.mark:
        return f"FWM  {key.mark}" + (" IPv6" if key.family is Family.IPV6 else "")
    text = f"{key.protocol.name:<4} {names(key.address, key.port, port_names(key))}"
    return text if key.family is Family.IPV6 else text[:SERVICE_WIDTH]


def port_names(key: ServiceKey) -> str:
    """The protocol whose names the ports of a service and its servers have."""
    return "" if key.mark else key.protocol.name.lower()


def _server_name(key: RealServerKey, service: ServiceKey, names: "Names") -> str:
    name = names(key.address, key.port, port_names(service))
    if key.address.family is Family.IPV4:
        name = name[:SERVER_WIDTH]
    return f"  -> {name:<{SERVER_WIDTH}}"


def connections(
    entries: "Iterable[Connection]", shows: "Collection[str]", names: "Names"
) -> "Iterator[str]":
    """`-L -c`; with `--persistent-conn` there is room for a persistence engine's data."""
    yield "IPVS connection entries"
    title = "pro expire state       source             virtual            destination"
    yield f"{title}        pe name          pe_data" if "persistent-conn" in shows else title
    shared: dict[int, _Shared] = {}
    times: dict[int, str] = {}
    for entry in entries:
        same = (entry.virtual, entry.real, entry.protocol)
        found = shared.get(id(entry.virtual))
        if found is None or found[0] != same:
            found = shared[id(entry.virtual)] = _shared(entry, names)
        left = entry.expires
        expires = times.get(left)
        if expires is None:
            expires = times[left] = f"{left // 60:02}:{left % 60:02}"
        client = names(entry.client.address, entry.client.port, found[2])
        yield f"{found[1]:<3} {expires:<6} {entry.state:<11} {client:<18} {found[3]}"


def _shared(entry: Connection, names: "Names") -> "_Shared":
    """What connections have in common that share their ends, made once for all of them."""
    name = entry.protocol.name
    virtual, real = (
        names(end.address, end.port, name.lower()) for end in (entry.virtual, entry.real)
    )
    same = (entry.virtual, entry.real, entry.protocol)
    return same, name, name.lower(), f"{virtual:<18} {real}"
