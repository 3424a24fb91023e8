"""A director over fake tables: no root, no kernel, every route as the test wants it."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from elvs.dataplane import layout
from elvs.dataplane.fake import FakeTables
from elvs.dataplane.sizes import Sizes
from elvs.director.library import Director
from elvs.director.route import Kind, Route
from elvs.director.surroundings import Surroundings
from elvs.model.address import Address

FAR_NS = 1 << 62
"""A moment that is always less than a second ago: the clock looks as if it ran."""
SOURCE = Address.parse("10.0.0.1")
UNICAST = Route(Kind.UNICAST, 7, SOURCE)


@dataclass
class FakeSite:
    """A `Site` whose tables exist from the start."""

    directory: Path
    fake: FakeTables = field(
        default_factory=lambda: FakeTables(Sizes(connections=2560, services=16, servers=64))
    )
    routes: Mapping[Address, Route] = field(default_factory=dict)
    attached: frozenset[int] = frozenset()
    vips: frozenset[Address] = frozenset()

    def tables(self) -> FakeTables:
        return self.fake

    def create(self) -> FakeTables:
        return self.fake

    def locked(self) -> AbstractContextManager[None]:
        return nullcontext()

    def surroundings(self, addresses: Iterable[Address]) -> Surroundings:
        routes = {address: self.routes.get(address, UNICAST) for address in addresses}
        return Surroundings(routes, self.attached, {7: "elvs7"}, self.vips)

    def default_limit(self) -> int:
        return 1000

    def close(self) -> None:
        """Nothing was opened."""

    def director(self) -> Director:
        return Director(self)

    def tick(self, tick: int) -> None:
        """Let the data plane's clock stand at `tick`, and run."""
        memory = self.fake.memory("clock")
        layout.Clock.tick.set(memory, 0, tick)
        layout.Clock.ns.set(memory, 0, FAR_NS)

    def server_id(self, address: Address, service: int | None = None) -> int:
        """The row of a server, also of one that was removed."""
        memory = self.fake.memory("servers")
        for row in range(self.fake.rows("servers")):
            same = layout.Server.address.get(memory, row) == address.padded
            owned = service in (None, layout.Server.service.get(memory, row))
            if same and owned and layout.Server.flags.get(memory, row):
                return row
        raise LookupError(str(address))
