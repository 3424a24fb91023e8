"""How a director stands: collected here, shown by cli/status.py. Reads only, takes no lock."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane import attachments, forwarding, keeper, libbpf, loader, tick
from elvs.dataplane.attachments import Attachments
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.layout import MAPS, Clock, Server, Settings, Verdict
from elvs.dataplane.pins import Place
from elvs.dataplane.record import Record
from elvs.dataplane.tick import TickState
from elvs.director import attaching, firewall, vips
from elvs.director.settings import PORTS
from elvs.director.standing import Standing, standings
from elvs.director.vips import VipView

NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True)
class TableUse:
    """A table's rows in use and its limit; `option` of attach sets that."""

    name: str
    used: int
    limit: int
    option: str


@dataclass(frozen=True, slots=True)
class TablesStatus:
    """What the maps say."""

    use: Sequence[TableUse]
    memory: int
    """Bytes that the kernel accounts for all maps."""
    tick: TickState
    verdicts: dict[Verdict, int]
    """Packets by what became of them, since the tables were made."""
    protected_ports: Sequence[int]


@dataclass(frozen=True, slots=True)
class Status:
    """A director in one network namespace. `tables` is None where there are none."""

    interfaces: Sequence[Standing]
    trial_left: float | None
    """Seconds until an attachment on trial is undone."""
    tables: TablesStatus | None
    vips: Sequence[VipView]
    firewall: firewall.Findings
    kernel_ipvs_services: int
    lo_forwards: bool

    @property
    def faults(self) -> list[str]:
        """What is wrong or soon will be, with the mend, a line each."""
        found = [line for each in self.interfaces for line in each.faults]
        if self.tables is not None:
            found += table_faults(self.tables, bool(self.interfaces))
        if self.interfaces and not self.lo_forwards:
            found.append(
                "lo does not forward any more, so no route is found: elvs attach sets it again"
            )
        found += [
            f"VIP {view.vip.address} is not on {view.vip.interface} any more:"
            f" elvs vip add {view.vip.address} dev {view.vip.interface}"
            for view in self.vips
            if not view.present
        ]
        found += [f"firewall rules could not be read: {line}" for line in self.firewall.unread]
        if self.interfaces:
            found += attaching.kernel_ipvs_warnings(self.kernel_ipvs_services)
        return found


def table_faults(tables: TablesStatus, attached: bool) -> list[str]:
    """What is wrong with the maps."""
    found = [
        f"{each.used} of {each.limit} {each.name} are in use: make room for more"
        f" with elvs attach --{each.option}"
        for each in tables.use
        if each.used > each.limit * NEARLY_FULL
    ]
    if tables.tick.stalled:
        found.append(
            f"the clock has stood still for {tables.tick.age:.0f} s, so no connection ends:"
            " elvs attach starts it again"
        )
    services = next(each.used for each in tables.use if each.name == "services")
    if services and not attached:
        found.append("nothing is forwarded, since no interface is attached: elvs attach IFACE")
    return found


def collect(place: Place) -> Status:
    """The status of the caller's network namespace; creates nothing."""
    libbpf.require_privilege()
    there = attachments.read(place)
    on_trial = there.trial is not None and keeper.is_alive(place)
    tables = loader.open_tables()
    status = None
    if tables is not None:
        with tables:
            status = collect_tables(place, tables)
    return Status(
        interfaces=standings(place, there, on_trial),
        trial_left=_left(there) if on_trial else None,
        tables=status,
        vips=vips.views(place),
        firewall=firewall.find(attaching.addresses(place)),
        kernel_ipvs_services=attaching.kernel_ipvs_services(),
        lo_forwards=forwarding.enabled(),
    )


def _left(there: Attachments) -> float:
    assert there.trial is not None
    return max(0.0, there.trial.deadline - time.monotonic())


def collect_tables(place: Place, tables: BpfTables) -> TablesStatus:
    settings = tables.memory("settings")
    services = Settings.services4.get(settings) + Settings.services6.get(settings)
    sizes = Record.read(place).sizes
    clock = tables.memory("clock")
    ports = PORTS.unpack_from(settings, Settings.protected_ports.offset)
    use = [
        TableUse(f"{name} connections", Clock.used.get(clock, 0, which), sizes.limit, "connections")
        for which, name in enumerate(("IPv4", "IPv6"))
    ]
    use.append(TableUse("services", services, sizes.services, "services"))
    use.append(TableUse("real servers", live_servers(tables), sizes.servers, "servers"))
    return TablesStatus(
        use=use,
        memory=sum(memory_of(tables.fd(name)) for name in MAPS),
        tick=tick.read(tables),
        verdicts=read_verdicts(tables),
        protected_ports=[port for port in ports if port],
    )


def live_servers(tables: BpfTables) -> int:
    """Rows in use, also of removed servers that connections still refer to."""
    flags = bytes(tables.memory("servers")[Server.flags.offset :: Server.SIZE])
    return len(flags) - flags.count(0)


def memory_of(fd: int) -> int:
    """Bytes that the kernel says a map takes."""
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("memlock:"):
            return int(line.split()[1])
    return 0


def read_verdicts(tables: BpfTables) -> dict[Verdict, int]:
    """Sums over all CPUs."""
    known = [verdict for verdict in Verdict if verdict.name != "COUNT"]
    rows = tables.per_cpu("outcomes", 0, len(known))
    return {
        verdict: sum(int.from_bytes(value, "little") for value in rows[verdict])
        for verdict in known
    }
