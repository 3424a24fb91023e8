"""The bpffs at /run/elvs/bpf: where it is to be seen from, and its mounting."""
# A listing comes through here, and pathlib would cost it more than all of this.
# ruff: noqa: PTH103, PTH115, PTH123

import ctypes
import os

from elvs.dataplane.libbpf import BpfError
from elvs.model.errors import PlatformError

RUN = "/run/elvs"
CLONE_NEWNS = 0x20000


def base() -> str:
    """/run/elvs as the machine sees it.

    `ip netns exec` and units with a private mount namespace would hide a bpffs mounted there
    from everybody else, and lose it when they end; so where the mount is not to be seen, the
    way leads through the eldest process above this one that can be looked at.
    """
    if os.path.ismount(f"{RUN}/bpf"):
        return RUN
    elder = _eldest()
    if _mount_namespace(elder) == _mount_namespace(os.getpid()):
        return RUN
    return f"/proc/{elder}/root{RUN}"


def _mount_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def _eldest() -> int:
    eldest = pid = os.getpid()
    while pid > 0:
        if _mount_namespace(pid) is not None:
            eldest = pid
        try:
            with open(f"/proc/{pid}/stat") as file:
                stat = file.read()
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return eldest


def ensure_mounted(base: str) -> None:
    """Mount the bpffs under `base` if it is not there; needs root."""
    mountpoint = f"{base}/bpf"
    if os.path.ismount(mountpoint):
        return
    try:
        os.makedirs(mountpoint, 0o755, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"cannot make {mountpoint}: {error.strerror}", "run as root") from None
    if base == RUN:
        _mount(mountpoint)
    else:
        _mount_in(int(base.split("/")[2]))


def _mount(mountpoint: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bpf", os.fsencode(mountpoint), b"bpf", 0, b"mode=0700") < 0:
        raise BpfError(f"cannot mount a bpffs at {mountpoint}", ctypes.get_errno())


def _mount_in(pid: int) -> None:
    """Mount at RUN/bpf in the mount namespace of `pid`: in a child, since that change sticks.

    setns(2) leads to the root of that namespace, which is not that of `pid` where it runs in a
    chroot; so the child takes that one over as well.
    """
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    root = os.open(f"/proc/{pid}/root", os.O_PATH)
    child = os.fork()
    if not child:
        status = 1
        try:
            if ctypes.CDLL(None).setns(namespace, CLONE_NEWNS) == 0:
                os.fchdir(root)
                os.chroot(".")
                _mount(f"{RUN}/bpf")
                status = 0
        finally:
            os._exit(status)
    os.close(namespace)
    os.close(root)
    if os.waitpid(child, 0)[1]:
        raise PlatformError(
            f"cannot mount a bpffs at {RUN}/bpf", "run the command outside of the namespace once"
        )
