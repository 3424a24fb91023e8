"""Who carries the connections of a two-armed lab: one class a contender, all used alike.

A contender is entered in the director's namespace, and leaves it as it found it.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol as Interface

from elvs.dataplane import libbpf, pins
from elvs.dataplane.libbpf import function

VIP_PORT, REAL_PORT = 80, 8080
TICKS = os.sysconf("SC_CLK_TCK")
BPF_STATS_RUN_TIME = 0
PROG_INFO_SIZE, RUN_TIME_OFFSET = 256, 192


class Contender(Interface):
    """`cost`: seconds of CPU that are the contender's own beyond doubt, None if unknowable."""

    name: str

    def up(self, vip: str, reals: Sequence[str]) -> None:
        """Begin to serve vip:80 by the real servers' port 8080."""

    def cost(self) -> float | None:
        """Seconds spent so far."""

    def down(self) -> None:
        """End, and undo all that `up` did."""


def _run(*argv: str, text: str | None = None) -> None:
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)


class Elvs:
    """The product by its commands; its cost is what the kernel measures its program to run."""

    name = "eLVS NAT"

    def up(self, vip: str, reals: Sequence[str]) -> None:
        elvs = str(Path(sys.executable).with_name("elvs"))
        _run(elvs, "attach", "--mode", "native", "--connections", "262144", "eth0", "eth1")
        rules = [f"-A -t {vip}:{VIP_PORT} -s rr"]
        rules += [f"-a -t {vip}:{VIP_PORT} -r {real}:{REAL_PORT} -m" for real in reals]
        _run(f"{elvs}-ipvsadm", "-R", text="\n".join(rules) + "\n")
        self._stats = libbpf.checked(
            function("bpf_enable_stats", ctypes.c_int)(BPF_STATS_RUN_TIME), "cannot time programs"
        )

    def cost(self) -> float | None:
        info = ctypes.create_string_buffer(PROG_INFO_SIZE)
        size = ctypes.c_uint32(PROG_INFO_SIZE)
        call = function("bpf_obj_get_info_by_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        with libbpf.opened(pins.here().pins / "prog_director") as program:
            libbpf.checked(call(program, info, ctypes.byref(size)), "cannot ask about a program")
        return ctypes.c_uint64.from_buffer(info, RUN_TIME_OFFSET).value / 1e9

    def down(self) -> None:
        os.close(self._stats)
        _run(str(Path(sys.executable).with_name("elvs")), "detach", "--force", "--purge")


class Proxy:
    """A proxy process; its cost is its processes' CPU time, softirq work not included."""

    name = ""
    program: tuple[str, ...] = ()
    template = ""
    server_line = ""

    def up(self, vip: str, reals: Sequence[str]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="elvs-proxy-")
        servers = "\n".join(
            self.server_line.format(n=n, real=real, port=REAL_PORT) for n, real in enumerate(reals)
        )
        config = Path(self._home.name, "config")
        config.write_text(
            self.template.format(home=self._home.name, vip=vip, port=VIP_PORT, servers=servers)
        )
        argv = [word.format(config=config) for word in self.program]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.5)

    def cost(self) -> float | None:
        return sum(_cpu_seconds(pid) for pid in _family(self._process.pid))

    def down(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._home.cleanup()


class Nginx(Proxy):
    """nginx's stream module, one worker."""

    name = "nginx stream"
    program = ("nginx", "-c", "{config}", "-g", "daemon off;")
    server_line = "  server {real}:{port};"
    template = """load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root; worker_processes 1; worker_rlimit_nofile 65536; pid {home}/pid; error_log {home}/log;
events {{ worker_connections 32768; }}
stream {{
 upstream reals {{
{servers}
 }}
 server {{ listen {vip}:{port} backlog=4096; proxy_pass reals; }}
}}
"""


class Haproxy(Proxy):
    """HAProxy in TCP mode, one thread."""

    name = "HAProxy TCP"
    program = ("haproxy", "-f", "{config}", "-db")
    server_line = "  server s{n} {real}:{port}"
    template = """global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen vip
  bind {vip}:{port} backlog 4096
  balance roundrobin
{servers}
"""


class Nft:
    """The kernel's own DNAT; what it costs cannot be told from the rest of the kernel."""

    name = "nft DNAT"

    def up(self, vip: str, reals: Sequence[str]) -> None:
        choices = ", ".join(f"{n} : {real} . {REAL_PORT}" for n, real in enumerate(reals))
        pick = f"numgen inc mod {len(reals)} map {{ {choices} }}"
        rules = (
            "table ip elvs { chain pre {",
            "type nat hook prerouting priority dstnat;",
            f"ip daddr {vip} tcp dport {VIP_PORT} dnat ip addr . port to {pick};",
            "}",
            "}",
        )
        _run("nft", "-f", "-", text="\n".join(rules) + "\n")
        self._forwarding("1")

    def cost(self) -> float | None:
        return None

    def down(self) -> None:
        self._forwarding("0")
        _run("nft", "delete", "table", "ip", "elvs")

    def _forwarding(self, value: str) -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text(value)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


CONTENDERS: tuple[type[Contender], ...] = (Elvs, Nginx, Haproxy, Nft)
