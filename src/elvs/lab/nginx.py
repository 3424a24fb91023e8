"""The web server of a real server: `/` says who answers whom, `/big` is a known file,
`/upload/` keeps what is PUT there and gives it back.

Everything that it reads and writes lies in a directory of the lab.
"""

import os
import shutil
import subprocess
from pathlib import Path

from elvs.lab.errors import LabError
from elvs.lab.namespace import inside

PORTS = (80, 8080)
"""80 for methods that keep the port, 8080 to show that NAT maps it."""

CONFIG = """\
# Made by `elvs lab up`; gone after `elvs lab down`.
user root;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    client_max_body_size 1g;
    keepalive_requests 1000000;
    server {{
{listen}
        default_type application/octet-stream;
        add_header X-Server {server} always;
        location = / {{
            default_type application/json;
            return 200 '{{"server": "{server}", "client": "$remote_addr"}}\\n';
        }}
        location = /big {{ alias {big}; }}
        location /upload/ {{
            root {home};
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
    }}
}}
"""


def config(server: str, home: Path, big: Path) -> str:
    """nginx.conf of one real server that keeps its files in `home`."""
    listen = "\n".join(
        f"        listen {address}:{port}{flag};"
        for port in PORTS
        for address, flag in (("0.0.0.0", ""), ("[::]", " ipv6only=on"))
    )
    return CONFIG.format(server=server, home=home, big=big, listen=listen)


def program() -> str:
    """Where nginx is; raises LabError if it is not installed."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise LabError(
            "a lab's real servers run nginx, which is not installed", "apt install nginx-light"
        )
    return path


def start(namespace: str, server: str, home: Path, big: Path) -> int:
    """Start nginx in the namespace; returns its process id once it listens."""
    (home / "upload").mkdir(parents=True)
    file = home / "nginx.conf"
    file.write_text(config(server, home, big))
    log = home / "start.log"
    argv = [program(), "-e", str(log), "-c", str(file)]
    with log.open("wb") as said:  # a file: a pipe would stay open as long as the daemon lives
        done = subprocess.run(
            inside(namespace, argv), stdin=subprocess.DEVNULL, stderr=said, check=False
        )
    if done.returncode:
        raise LabError(f"nginx of {server} does not start: {log.read_text().strip()}")
    return int((home / "nginx.pid").read_text())
