"""What makes a service or a real server valid, apart from what is there already.

The rules are IPVS's (ip_vs_add_service, ip_vs_add_dest and what they call), and what the data
plane does not do yet is refused in one line rather than stored and not done.
"""

from elvs.director.route import Kind, Route
from elvs.director.rows import WHOLE_ADDRESS
from elvs.model.address import Address, Family
from elvs.model.errors import InvalidValue
from elvs.model.service import Method, Protocol, RealServer, Service, ServiceFlag, ServiceKey
from elvs.schedulers import scheduler_named

NAT, DR, TUN = Method.NAT, Method.DR, Method.TUN
WEIGHT_LIMIT = 0x7FFFFFFF
TIMEOUT_LIMIT = 0x7FFFFFFF // 100
"""Seconds: what 31 bits of ticks hold, as IPVS's limit of INT_MAX / HZ."""


def check_service(service: Service) -> None:
    """Raise SchedulerNotFound or InvalidValue if this service can never be."""
    key = service.key
    scheduler_named(service.scheduler)
    if not 0 <= key.port <= 0xFFFF:
        raise InvalidValue(f"{key.port} is no port", "ports are 0 to 65535")
    if key.mark:
        raise InvalidValue(f"{key}: services by firewall mark are not supported yet")
    if key.protocol is Protocol.SCTP:
        raise InvalidValue(f"{key}: SCTP is not supported yet", "use TCP or UDP")
    if ServiceFlag.PERSISTENT in service.flags or service.persistence_timeout:
        raise InvalidValue(f"{key}: persistence is not supported yet", "leave -p out")
    if ServiceFlag.ONE_PACKET in service.flags:
        raise InvalidValue(f"{key}: one-packet scheduling is not supported yet", "leave -o out")
    if key.port == 0:
        raise InvalidValue(f"{key}: port 0 needs persistence, which is not supported yet")
    check_netmask(key, service.netmask)


def check_netmask(key: ServiceKey, netmask: int) -> None:
    if key.family is Family.IPV6 and netmask != WHOLE_ADDRESS and not 1 <= netmask <= 128:
        raise InvalidValue(f"{key}: {netmask} is no prefix length", "IPv6 takes 1 to 128")
    if not 0 <= netmask <= WHOLE_ADDRESS:
        raise InvalidValue(f"{key}: {netmask} is no netmask")


def check_server(service: ServiceKey, server: RealServer) -> None:
    """Raise InvalidValue if this real server can never be in this service."""
    method, key = server.method, server.key
    known = method is NAT or method is DR or method is TUN
    if (
        known
        and 0 <= server.weight <= WEIGHT_LIMIT
        and not server.upper_threshold
        and not server.lower_threshold
        and not (server.tunnel or server.tunnel_port or server.tunnel_flags)
    ):
        if len(key.address.packed) != len(service.address.packed):
            raise InvalidValue(
                f"{key} and {service} are of different address families",
                "give the real server an address of the service's family",
            )
        if key.port != service.port and method is not NAT:
            raise InvalidValue(
                f"{key}: {method.name} cannot change the port",
                f"use port {service.port} or NAT",
            )
        if not 0 <= key.port <= 0xFFFF:
            raise InvalidValue(f"{key.port} is no port", "ports are 0 to 65535")
        return
    raise unsupported(server)


def unsupported(server: RealServer) -> InvalidValue:
    """Why a server is refused whose method, weight or further wishes cannot be."""
    key = server.key
    if not 0 <= server.weight <= WEIGHT_LIMIT:
        return InvalidValue(
            f"{key}: weight {server.weight} is out of range",
            f"weights are 0 to {WEIGHT_LIMIT}",
            out_of_range=True,
        )
    if server.lower_threshold > server.upper_threshold:
        return InvalidValue(
            f"{key}: the lower threshold {server.lower_threshold} is above the upper one",
            f"take at most {server.upper_threshold}",
            out_of_range=True,
        )
    if server.method not in (NAT, DR, TUN):
        return InvalidValue(
            f"{key}: {server.method.name} is not supported yet", "use NAT, DR or TUN"
        )
    if server.upper_threshold:
        return InvalidValue(f"{key}: thresholds are not supported yet", "leave -x and -y out")
    return InvalidValue(
        f"{key}: {server.tunnel.name} with tunnel options is not supported yet", "use plain IPIP"
    )


def check_route(address: Address, route: Route) -> None:
    """Raise InvalidValue if a real server at `address` cannot be reached by `route`."""
    if address.family is Family.IPV6:
        unicast = address.packed[0] != 0xFF and any(address.packed)
        link_local = address.packed[0] == 0xFE and address.packed[1] & 0xC0 == 0x80
        if not unicast or (link_local and route.kind is not Kind.LOCAL):
            raise not_unicast(address)
    elif route.kind in (Kind.BROADCAST, Kind.MULTICAST) or not any(address.packed):
        raise not_unicast(address)
    if route.kind is Kind.NONE:
        raise InvalidValue(
            f"there is no route to {address}", "add one, or bring the interface up, then try again"
        )


def not_unicast(address: Address) -> InvalidValue:
    return InvalidValue(
        f"{address} is not a unicast address that a real server can have",
        "give the address of the real server's own interface",
    )


def check_timeouts(*seconds: int) -> None:
    """Raise InvalidValue for a timeout that does not fit."""
    for value in seconds:
        if not 0 <= value <= TIMEOUT_LIMIT:
            raise InvalidValue(
                f"a timeout of {value} s is out of range", f"at most {TIMEOUT_LIMIT}"
            )
