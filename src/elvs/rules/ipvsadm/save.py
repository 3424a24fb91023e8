"""`-S`: services and servers as lines that `-R` takes."""

from elvs.model.address import Family
from elvs.model.figures import ServiceView
from elvs.model.service import Method, RealServer, Service, ServiceFlag, ServiceKey, TunnelType
from elvs.rules.ipvsadm import order
from elvs.rules.ipvsadm.flags import flag_names
from elvs.rules.ipvsadm.layouts import mask_text
from elvs.rules.ipvsadm.listing import port_names

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elvs.rules.ipvsadm.names import Names

OPTIONS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
METHODS = {Method.NAT: "-m", Method.TUN: "-i", Method.DR: "-g", Method.LOCAL: "-g"}
CHECKSUMS = {0: "--tun-nocsum", 1: "--tun-csum", 2: "--tun-remcsum"}


def save(views: "Sequence[ServiceView]", names: "Names") -> "Iterator[str]":
    """One `-A` line for each service, its `-a` lines behind it, in ipvsadm's order."""
    for view in order.services(views):
        key = view.service.key
        which = _which(key, names)
        yield f"-A {which} -s {view.service.scheduler}{_attributes(view.service)}"
        for server in order.servers(view.servers):
            yield f"-a {which} {_server(server.server, key, names)}"


def _which(key: ServiceKey, names: "Names") -> str:
    if key.mark:
        return f"-f {key.mark}" + (" -6" if key.family is Family.IPV6 else "")
    return f"{OPTIONS[key.protocol.name]} {names(key.address, key.port, port_names(key))}"


def _attributes(service: Service) -> str:
    text = ""
    if ServiceFlag.PERSISTENT in service.flags:
        text += f" -p {service.persistence_timeout}"
        text += f" -M {mask}" if (mask := mask_text(service)) else ""
    if ServiceFlag.ONE_PACKET in service.flags:
        text += " -o"
    flags = flag_names(service.scheduler, service.flags)
    return f"{text} -b {flags}" if flags else text


def _server(server: RealServer, service: ServiceKey, names: "Names") -> str:
    name = names(server.key.address, server.key.port, port_names(service))
    text = f"-r {name} {METHODS[server.method]} -w {server.weight}"
    return text + (_tunnel(server) if server.method is Method.TUN else "")


def _tunnel(server: RealServer) -> str:
    text = f" --tun-type {server.tunnel.name.lower()}"
    if server.tunnel is TunnelType.GUE:
        text += f" --tun-port {server.tunnel_port}"
    if server.tunnel is not TunnelType.IPIP:
        text += f" {CHECKSUMS[server.tunnel_flags]}"
    return text
