"""`--persist`: a systemd unit that sets the server up again at boot."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from elvs.model.errors import PlatformError
from elvs.realserver.request import Request

NAME = "elvs-realserver.service"
UNITS = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")
"""Exists while systemd is PID 1 (sd_booted(3))."""
TEMPLATE = """\
[Unit]
Description=eLVS real server: VIPs, tunnels and the way back to the director
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise PlatformError(f"systemctl {' '.join(words)}: {reason[0]}")


def executable() -> str:
    """The absolute path of this command, for use at boot."""
    found = shutil.which(sys.argv[0]) or shutil.which("elvs")
    if not found:
        raise PlatformError("the path of elvs is not known", "call it by its whole path")
    return str(Path(found).absolute())


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit file; without systemd it is written, but nothing starts it."""

    directory: Path = UNITS
    running: Path = RUNNING
    systemctl: Callable[..., None] = _systemctl
    namespaces: tuple[Path, Path] = (Path("/proc/1/ns/net"), Path("/proc/self/ns/net"))

    @property
    def path(self) -> Path:
        return self.directory / NAME

    def here(self) -> bool:
        """Whether systemd runs, and would set up the network namespace that we are in."""
        if not self.running.exists():
            return False
        first, own = (path.readlink() for path in self.namespaces)
        return first == own

    def judge(self) -> None:
        """Raise PlatformError where a unit would set up another namespace than this one."""
        if self.running.exists() and not self.here():
            raise PlatformError(
                "--persist works in the host's own network namespace only",
                "leave it out, and call `elvs realserver up` where this namespace is made",
            )

    def write(self, request: Request, command: str) -> list[str]:
        """Write and enable the unit; returns what was changed, nothing when it was there."""
        # with --persist, so that after a boot `down` still knows that the unit is its own
        words = [command, "realserver", "up", *request.argv(), "--persist"]
        text = TEMPLATE.format(command=shlex.join(words).replace("%", "%%"))
        if self.path.exists() and self.path.read_text() == text:
            return []
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.path.write_text(text)
        except PermissionError:
            raise PlatformError(f"cannot write {self.path}", "run as root") from None
        if not self.running.exists():
            return [f"{self.path} written; not enabled, as systemd does not run here"]
        self.systemctl("daemon-reload")
        self.systemctl("enable", NAME)
        return [f"{self.path} written and enabled"]

    def remove(self) -> list[str]:
        """Disable and remove the unit; returns what was changed."""
        if not self.path.exists():
            return []
        if self.running.exists():
            self.systemctl("disable", NAME)
        self.path.unlink()
        if self.running.exists():
            self.systemctl("daemon-reload")
        return [f"{self.path} removed"]
