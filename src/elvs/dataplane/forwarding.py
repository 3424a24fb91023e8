"""The one sysctl that the data plane needs: lo may forward.

`bpf_fib_lookup` answers only for an input interface that forwards, and the data plane names lo as
that one, so that nothing else need become a router: what comes in on other interfaces is still
never forwarded by the stack (the kernel asks the interface that a packet came in by).

All paths are of the network namespace of the calling thread.
"""

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from elvs.dataplane.netlink import DUMP, Netlink, attributes
from elvs.model.errors import PlatformError

NET = Path("/proc/sys/net")
LO = ("ipv4/conf/lo/forwarding", "ipv6/conf/lo/forwarding")
ROUTE = struct.Struct("=BBBBBBBBI")
"""struct rtmsg: family, destination and source length, TOS, table, protocol, scope, type, flags."""
GET_ROUTE, OUTPUT = 26, 4
BY_ADVERTISEMENT = 9
"""RTPROT_RA."""
KEEP = "2"
"""accept_ra: take routers' advertisements though forwarding."""


def enabled() -> bool:
    """Whether lo forwards, for every family that the kernel has."""
    return not missing()


def missing() -> dict[str, str]:
    """What `enable` will change, with its present values; to be given to `restore` later."""
    return {path: value for path in LO if (value := read(path)) == "0"}


def enable() -> None:
    """Let lo forward."""
    for path in missing():
        with _routers_kept():
            write(path, "1")


def restore(former: Mapping[str, str]) -> None:
    """Put former values back."""
    for path, value in former.items():
        write(path, value)


@contextmanager
def _routers_kept() -> Iterator[None]:
    """Keep default routes that came by router advertisements.

    Whatever interface is told to forward, the kernel then forgets such routes of all interfaces
    (addrconf_fixup_forwarding calls rt6_purge_dflt_routers), except where accept_ra is 2.
    """
    paths = [f"ipv6/conf/{name}/accept_ra" for name in _advertised()]
    former = {path: value for path in paths if (value := read(path)) not in (None, KEEP)}
    try:
        for path in former:
            write(path, KEEP)
        yield
    finally:
        restore({path: value for path, value in former.items() if value is not None})


def _advertised() -> set[str]:
    """Names of the interfaces with an IPv6 default route from a router's advertisement."""
    found = set()
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        ask = ROUTE.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0)
        for body in netlink.ask(GET_ROUTE, ask, DUMP):
            _, length, _, _, _, protocol, _, _, _ = ROUTE.unpack_from(body)
            output = attributes(body[ROUTE.size :]).get(OUTPUT)
            if length == 0 and protocol == BY_ADVERTISEMENT and output:
                found.add(socket.if_indextoname(int.from_bytes(output, "little")))
    return found


def read(path: str) -> str | None:
    """A sysctl; None where the kernel has none of that name (IPv6 not there)."""
    try:
        return (NET / path).read_text().strip()
    except FileNotFoundError:
        return None


def write(path: str, value: str) -> None:
    try:
        (NET / path).write_text(value)
    except OSError as error:
        name = "net." + path.replace("/", ".")
        raise PlatformError(
            f"cannot set {name}={value}: {error.strerror}", "mount /proc writable and run as root"
        ) from None
