"""What this machine lacks for the tests that are marked `root`."""

import os
import shutil
import subprocess

from elvs.dataplane.build import Tree
from elvs.dataplane.libbpf import BpfError, function, library
from elvs.model.errors import ElvsError

PROGRAMS = (
    *("ip", "tc", "nft", "ethtool", "nsenter", "unshare", "sysctl"),
    *("nginx", "dnsmasq", "curl", "iperf3", "dig", "ping"),
)
"""What labs, tests and the commands under test call."""
ARRAY = 2
"""enum bpf_map_type."""


def missing() -> str | None:
    """The first thing that is missing, in words with its mend; None where all is there."""
    if os.geteuid() != 0:
        return "needs root: sudo script/test"
    lost = [name for name in PROGRAMS if shutil.which(name) is None]
    if lost:
        return f"needs {', '.join(lost)}: sudo script/bootstrap"
    tree = Tree()
    if not (tree.director.exists() and tree.real_server.exists()):
        return "needs the compiled data plane: script/build"
    try:
        _make_a_map()
    except ElvsError as error:
        return f"needs BPF: {error}"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        return "needs network namespaces, which this machine does not allow"
    return None


def _make_a_map() -> None:
    library()
    fd = function("bpf_map_create")(ARRAY, None, 4, 4, 1, None)
    if fd < 0:
        raise BpfError("no map can be made", -fd)
    os.close(fd)
