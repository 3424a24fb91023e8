"""The sentinel: a program of two instructions whose link says whether its namespace still lives.

Maps and the tick would otherwise run on for ever when a namespace goes; a link of type
sk_lookup shows the inode of its namespace, and 0 once that is gone.
"""

import errno
import os
import re
from pathlib import Path

from elvs.dataplane import libbpf
from elvs.dataplane.pins import ALIVE, Place, remove, remove_directory, try_lock

OURS = re.compile("([0-9a-f]+)(_new)?")
RETURN_PASS = (0x1_0000_00B7, 0x95)
"""`r0 = SK_PASS; exit`: a socket look-up goes on as if there were no program."""


def pin(directory: Path) -> None:
    """Pin in `directory` what tells whether the caller's network namespace still lives."""
    prog = libbpf.prog_load(libbpf.PROG_SK_LOOKUP, ALIVE, RETURN_PASS, libbpf.SK_LOOKUP)
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        link = libbpf.link_create(prog, namespace, libbpf.SK_LOOKUP)
        try:
            libbpf.obj_pin(link, directory / ALIVE)
        finally:
            os.close(link)
    finally:
        os.close(namespace)
        os.close(prog)


def is_dead(directory: Path) -> bool:
    """Whether the namespace whose pins are in `directory` is gone."""
    try:
        with libbpf.opened(directory / ALIVE) as link:
            return libbpf.link_info(link).target == 0
    except FileNotFoundError:
        return False


def collect(root: str) -> list[int]:
    """Remove the places of namespaces that are gone; returns their cookies.

    `root` is `base()`. Whatever somebody else has locked is left to him.
    """
    gone = []
    for directory in Path(root, "bpf").glob("*"):  # the kernel puts files of its own there
        name = OURS.fullmatch(directory.name)
        if not name or not is_dead(directory):
            continue
        place = Place(root, int(name[1], 16))
        fd = try_lock(place)
        if fd is None:
            continue
        try:
            remove_directory(directory)
            remove(place)
            gone.append(place.cookie)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise
        finally:
            os.close(fd)
    return gone
