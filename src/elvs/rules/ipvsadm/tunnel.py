"""Which tunnel options go together (ipvsadm.c, tunnel_opt_check)."""

from elvs.model.service import Method, TunnelType
from elvs.rules.ipvsadm.usage import UsageError

CHECKSUMS = ("tun-nocsum", "tun-csum", "tun-remcsum")
TAKES = {
    TunnelType.IPIP: (),
    TunnelType.GUE: ("tun-port", *CHECKSUMS),
    TunnelType.GRE: ("tun-nocsum", "tun-csum"),
}


def check_tunnel(method: Method, tunnel: TunnelType, given: set[str]) -> None:
    """Refuse tunnel options that contradict the method, the type or each other."""
    names = [name for name in ("tun-port", *CHECKSUMS) if name in given]
    if (names or "tun-type" in given) and method is not Method.TUN:
        raise UsageError("Tunnel options conflict with forward method")
    kind = tunnel.name.lower()
    if tunnel is TunnelType.GUE and "tun-port" not in given:
        raise UsageError(f"You need to supply the 'tun-port' option for the '{kind}' tunnel type")
    last = ""
    for name in names:
        if name not in TAKES[tunnel]:
            raise UsageError(f"Illegal '{name}' option with the '{kind}' tunnel type")
        if name in CHECKSUMS:
            if last:
                raise UsageError(
                    f"The option '{name}' conflicts with the '{last}' option"
                    f" in the '{kind}' tunnel type"
                )
            last = name
