"""`-S`: services and servers as lines that `-R` takes."""

from collections.abc import Iterator, Sequence

from elvs.model.address import Family
from elvs.model.figures import ServiceView
from elvs.model.service import Method, RealServer, Service, ServiceFlag, ServiceKey, TunnelType
from elvs.rules.ipvsadm.flags import flag_names
from elvs.rules.ipvsadm.listing import mask_text
from elvs.rules.ipvsadm.names import Names
from elvs.rules.ipvsadm.order import compare_servers, compare_services, sorted_as_ipvsadm

OPTIONS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
METHODS = {Method.NAT: "-m", Method.TUN: "-i", Method.DR: "-g", Method.LOCAL: "-g"}
CHECKSUMS = {0: "--tun-nocsum", 1: "--tun-csum", 2: "--tun-remcsum"}


def save(views: Sequence[ServiceView], names: Names) -> Iterator[str]:
    """One `-A` line for each service, its `-a` lines behind it, in ipvsadm's order."""
    for view in sorted_as_ipvsadm(
        views, lambda a, b: compare_services(a.service.key, b.service.key)
    ):
        which = _which(view.service.key, names)
        yield f"-A {which} -s {view.service.scheduler}{_attributes(view.service)}"
        for server in sorted_as_ipvsadm(
            view.servers, lambda a, b: compare_servers(a.server.key, b.server.key)
        ):
            yield f"-a {which} {_server(server.server, view.service.key, names)}"


def _which(key: ServiceKey, names: Names) -> str:
    if key.mark:
        return f"-f {key.mark}" + (" -6" if key.family is Family.IPV6 else "")
    protocol = key.protocol.name
    return f"{OPTIONS[protocol]} {names(key.address, key.port, protocol.lower())}"


def _attributes(service: Service) -> str:
    text = ""
    if service.flags & ServiceFlag.PERSISTENT:
        text += f" -p {service.persistence_timeout}"
        text += f" -M {mask}" if (mask := mask_text(service)) else ""
    if service.flags & ServiceFlag.ONE_PACKET:
        text += " -o"
    flags = flag_names(service.scheduler, service.flags)
    return f"{text} -b {flags}" if flags else text


def _server(server: RealServer, service: ServiceKey, names: Names) -> str:
    protocol = "" if service.mark else service.protocol.name.lower()
    name = names(server.key.address, server.key.port, protocol)
    text = f"-r {name} {METHODS[server.method]} -w {server.weight}"
    return text + (_tunnel(server) if server.method is Method.TUN else "")


def _tunnel(server: RealServer) -> str:
    text = f" --tun-type {server.tunnel.name.lower()}"
    if server.tunnel is TunnelType.GUE:
        text += f" --tun-port {server.tunnel_port}"
    if server.tunnel is not TunnelType.IPIP:
        text += f" {CHECKSUMS[server.tunnel_flags]}"
    return text
