"""Slots as the data plane writes them, and the Connections that come out."""

from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elvs.dataplane import layout
from elvs.dataplane.fake import FakeTables
from elvs.dataplane.layout import ConnLife
from elvs.director import slots
from elvs.director.slots import Take, by_numpy, plainly
from elvs.model.address import Address
from elvs.model.change import AddService, DeleteService
from elvs.model.figures import Connection
from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey
from tests.kit.directors import FakeSite

WEB = ServiceKey(Protocol.TCP, Address.parse("192.0.2.1"), 80)
DNS = ServiceKey(Protocol.UDP, Address.parse("2001:db8::53"), 53)
NOW = 100_000


def word(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def born(
    tables: FakeTables,
    bucket: int,
    slot: int,
    client: RealServerKey,
    virtual: ServiceKey,
    server: int,
    method: Method,
    state: int,
    used: int,
    life: ConnLife = ConnLife.LIVE,
) -> None:
    """Write a slot as bpf/conn.h says, from bytes as they stand in a packet."""
    kind = {Protocol.TCP: 0, Protocol.UDP: 1}[virtual.protocol]
    name = "conn4" if len(client.address.packed) == 4 else "conn6"
    client_word, virtual_word = word(client.address.packed[:4]), word(virtual.address.packed[:4])
    ports = word(client.port.to_bytes(2, "big")) << 16 | word(virtual.port.to_bytes(2, "big"))
    words = (
        client_word << 32 | ports,
        virtual_word << 32 | server << 12 | method << 9 | 3 << 5 | kind << 3,
        9 << 52 | 5 << 45 | 1 << 40 | state << 35 | life << 32 | used,
    )
    start = bucket * layout.Bucket.SIZE + layout.Bucket.slot.offset + slot * layout.Slot.SIZE
    tables.memory(name)[start : start + layout.Slot.SIZE] = layout.Slot.ROW.pack(*words)
    if name == "conn6":
        tail = client.address.packed + virtual.address.packed
        layout.Tails.tail.set(tables.memory("tails"), bucket, tail, slot)


@pytest.fixture
def site(tmp_path: Path) -> FakeSite:
    site = FakeSite(tmp_path)
    site.tick(NOW)
    nat = RealServer(RealServerKey(Address.parse("10.1.0.1"), 8080), Method.NAT)
    direct = RealServer(RealServerKey(Address.parse("fd00::1"), 53), Method.DR)
    site.director().apply(
        [AddService(Service(WEB, servers=(nat,))), AddService(Service(DNS, servers=(direct,)))]
    )
    return site


CLIENT = RealServerKey(Address.parse("198.51.100.7"), 40000)
CLIENT6 = RealServerKey(Address.parse("2001:db8:1::7"), 50000)


def listed(site: FakeSite) -> list[Connection]:
    return list(site.director().connections())


def test_both_families_are_listed(site: FakeSite) -> None:
    born(site.fake, 5, 4, CLIENT, WEB, 0, Method.NAT, layout.TcpState.ESTABLISHED, NOW - 250)
    born(site.fake, 1023, 0, CLIENT6, DNS, 1, Method.DR, 0, NOW)
    assert listed(site) == [
        Connection(
            Protocol.TCP,
            CLIENT,
            RealServerKey(WEB.address, 80),
            RealServerKey(Address.parse("10.1.0.1"), 8080),
            Method.NAT,
            "ESTABLISHED",
            897,
            WEB,
        ),
        Connection(
            Protocol.UDP,
            CLIENT6,
            RealServerKey(DNS.address, 53),
            RealServerKey(Address.parse("fd00::1"), 53),
            Method.DR,
            "UDP",
            300,
            DNS,
        ),
    ]


def test_what_is_not_alive_is_not_listed(site: FakeSite) -> None:
    for slot, life in enumerate(life for life in ConnLife if life is not ConnLife.LIVE):
        born(site.fake, 5, slot, CLIENT, WEB, 0, Method.NAT, 1, NOW, life)
    assert listed(site) == []


def test_an_overdue_connection_expires_in_0_seconds(site: FakeSite) -> None:
    born(site.fake, 0, 0, CLIENT, WEB, 0, Method.NAT, layout.TcpState.CLOSE, NOW - 5000)
    born(site.fake, 0, 1, CLIENT, WEB, 0, Method.NAT, layout.TcpState.CLOSE, NOW + 3)
    assert [(c.state, c.expires) for c in listed(site)] == [("CLOSE", 0), ("CLOSE", 10)]


def test_connections_outlive_their_service(site: FakeSite) -> None:
    born(site.fake, 0, 0, CLIENT, WEB, 0, Method.NAT, 1, NOW)
    site.director().apply([DeleteService(WEB)])
    (left,) = listed(site)
    assert left.service is None
    assert str(left.real) == "10.1.0.1:8080"


BUCKETS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 0xC0A80001_1234_5000, 2**64 - 1]),
            st.sampled_from([0, 8, 0x0102030405060708]),
            st.builds(
                lambda life, state, used: state << 35 | life << 32 | used,
                st.sampled_from([*ConnLife]),
                st.integers(0, 15),
                st.sampled_from([0, NOW - 300, NOW, NOW + 2, 2**32 - 5]),
            ),
        ),
        min_size=5,
        max_size=5,
    ),
    max_size=6,
)


@given(BUCKETS, st.booleans())
def test_numpy_finds_what_plain_python_finds(
    buckets: list[list[tuple[int, int, int]]], six: bool
) -> None:
    raw = b"".join(
        bytes(8) + b"".join(layout.Slot.ROW.pack(*slot) for slot in row) for row in buckets
    )
    tails = bytes(n % 251 for n in range(len(buckets) * layout.Tails.SIZE)) if six else b""
    timeouts = range(100, 100 + 64 * 100, 100)
    found = list(plainly(timeouts, NOW)(raw, tails))
    assert list(by_numpy(numpy, timeouts, NOW)(raw, tails)) == found
    alive = [w for row in buckets for w in row if w[2] >> 32 & 7 == ConnLife.LIVE]
    assert len(found) == sum(1 for w0, w1, _ in alive if w0 and w1)


def test_large_tables_go_by_numpy_if_it_is_there(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    born(site.fake, 5, 4, CLIENT, WEB, 0, Method.NAT, 1, NOW)
    wanted = listed(site)
    used: list[int] = []

    def counting(np: object, timeouts: Sequence[int], now: int) -> Take:
        used.append(now)
        return plainly(timeouts, now)

    monkeypatch.setattr(slots, "by_numpy", counting)
    assert listed(site) == wanted and not used
    monkeypatch.setattr(slots, "LARGE", 1)
    assert listed(site) == wanted and used
    monkeypatch.setattr(slots, "find_spec", lambda name: None)
    used.clear()
    assert listed(site) == wanted and not used
