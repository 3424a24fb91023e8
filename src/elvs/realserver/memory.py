"""What `up` did, remembered in /run until `down`: one file for each network namespace."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from elvs.model.address import Address
from elvs.model.errors import PlatformError
from elvs.realserver.facts import Decapsulator, Rule
from elvs.realserver.request import Request
from elvs.realserver.route import Route
from elvs.realserver.steps import KINDS, Step

DIRECTORY = Path("/run/elvs/realserver")
SO_NETNS_COOKIE = 71
VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A request that was carried out, and the steps that it took, oldest first."""

    request: Request
    steps: tuple[Step, ...] = ()
    unit: bool = False
    """Whether a systemd unit asks for it again at boot."""


class Memory:
    """The record of one network namespace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def here(cls, directory: Path = DIRECTORY) -> "Memory":
        """That of the namespace the caller is in."""
        with socket.socket() as probe:
            cookie = probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
        return cls(directory / f"{int.from_bytes(cookie, 'little'):x}.json")

    def read(self) -> Record | None:
        """None where nothing is set up."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        except PermissionError:
            raise PlatformError(f"{self.path} cannot be read", "run as root") from None
        try:
            return _thaw_record(json.loads(text))
        except (ValueError, KeyError, TypeError) as error:
            raise PlatformError(
                f"{self.path} cannot be understood ({error})",
                "remove it, and undo by hand what docs/realserver.md lists",
            ) from None

    def write(self, record: Record) -> None:
        """Replace the record in one step, so that a reader finds the old or the new one."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(_freeze_record(record), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.path)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off other `elvs realserver` commands; waits for them."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            raise PlatformError(f"{self.path.parent} cannot be used", "run as root") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _freeze_record(record: Record) -> dict[str, Any]:
    request = record.request
    return {
        "version": VERSION,
        "method": request.method,
        "vips": [str(vip) for vip in request.vips],
        "gateways": [str(dip) for dip in request.gateways],
        "ports": list(request.ports),
        "program": request.program,
        "unit": record.unit,
        "steps": [{"step": type(step).__name__, **_freeze_fields(step)} for step in record.steps],
    }


def _thaw_record(raw: dict[str, Any]) -> Record:
    if raw["version"] != VERSION:
        raise ValueError(f"version {raw['version']}")
    words = (raw[name] for name in ("method", "vips", "gateways", "ports", "program"))
    request = Request.parse(*words)
    return Record(request, tuple(_thaw_step(step) for step in raw["steps"]), raw["unit"])


def _thaw_step(raw: dict[str, Any]) -> Step:
    kind = KINDS[raw["step"]]
    step: Step = kind(*(_thaw(raw[field.name]) for field in fields(kind)))
    return step


def _freeze_fields(step: Any) -> dict[str, Any]:
    return {field.name: _freeze(getattr(step, field.name)) for field in fields(step)}


def _freeze(value: Any) -> Any:
    if isinstance(value, Address):
        return {"address": str(value)}
    if isinstance(value, Route):
        return {"route": value.encode().hex()}
    if isinstance(value, Rule | Decapsulator):
        return {type(value).__name__: [_freeze(getattr(value, one.name)) for one in fields(value)]}
    if isinstance(value, tuple):
        return [_freeze(one) for one in value]
    return value


def _thaw(raw: Any) -> Any:
    match raw:
        case {"address": text}:
            return Address.parse(text)
        case {"route": text}:
            return Route.decode(bytes.fromhex(text))
        case {"Rule": values}:
            return Rule(*map(_thaw, values))
        case {"Decapsulator": values}:
            return Decapsulator(*map(_thaw, values))
        case list():
            return tuple(_thaw(one) for one in raw)
    return raw
