"""tables.json: with which sizes and hash key the tables of a namespace were created."""

import json
import secrets
from dataclasses import asdict, dataclass

from elvs.dataplane.layout import Config
from elvs.dataplane.pins import Place
from elvs.dataplane.sizes import Sizes
from elvs.model.errors import ElvsError, PlatformError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """Every program that is loaded for the tables must count and hash alike."""

    sizes: Sizes
    seed: tuple[int, int]

    @classmethod
    def fresh(cls, sizes: Sizes) -> "Record":
        """With a hash key that no client can guess."""
        return cls(sizes, (secrets.randbits(64), secrets.randbits(64)))

    def write(self, place: Place) -> None:
        """Put the record into its file, whole or not at all."""
        text = json.dumps({"format": FORMAT, "seed": self.seed, **asdict(self.sizes)})
        path = place.files / "tables.json"
        try:
            place.files.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(text)
            fresh.rename(path)
        except OSError as error:
            raise PlatformError(f"cannot write {path}: {error.strerror}", "run as root") from None

    @classmethod
    def read(cls, place: Place) -> "Record":
        """From its file; raises PlatformError when that is missing or not ours."""
        path = place.files / "tables.json"
        try:
            said = json.loads(path.read_text())
            if said.pop("format") != FORMAT:
                raise ValueError("another format")
            first, second = said.pop("seed")
            return cls(Sizes(**said), (int(first), int(second)))
        except (OSError, ValueError, KeyError, TypeError, ElvsError):
            raise PlatformError(
                f"{path} cannot be read, so no program can be loaded for these tables",
                f"remove {place.pins} to start anew",
            ) from None

    def config(self, cpus: int, version: int) -> bytes:
        """struct config for one load."""
        raw = bytearray(Config.SIZE)
        for family in (0, 1):
            Config.seed.set(raw, 0, self.seed[family], family)
            Config.bucket_mask.set(raw, 0, self.sizes.buckets - 1, family)
            Config.connections.set(raw, 0, self.sizes.limit, family)
        Config.cpus.set(raw, 0, cpus)
        Config.servers.set(raw, 0, self.sizes.servers)
        Config.version.set(raw, 0, version)
        return bytes(raw)
