"""Routes as bytes: what was there can be put back as it was."""

from elvs.model.address import Address
from elvs.realserver.route import (
    CACHEINFO,
    GATEWAY,
    HEADER,
    METRIC_ADVMSS,
    METRIC_LOCK,
    METRICS,
    MULTIPATH,
    NEXTHOP,
    NH_ID,
    OIF,
    PRIORITY,
    TABLE,
    Route,
    default_by,
    join,
    split,
)

VIA = Address.parse("10.0.0.1")


def number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def message(*attributes: tuple[int, bytes], flags: int = 0) -> bytes:
    return HEADER.pack(2, 0, 0, 0, 254, 3, 0, 1, flags) + join(attributes)


def test_another_metric_leaves_the_rest() -> None:
    congestion = (16, b"bbr\0")
    metrics = join(((METRIC_LOCK, number(1 << 13)), (13, number(300)), congestion))
    former = Route.decode(message((METRICS, metrics), (PRIORITY, number(100))))
    changed = former.with_metric(METRIC_ADVMSS, 1440)
    assert changed.metric(METRIC_ADVMSS) == 1440
    left = [one for one in split(changed.get(METRICS) or b"") if one[0] != METRIC_ADVMSS]
    assert left == split(metrics)
    assert changed.priority == 100
    assert former.metric(METRIC_ADVMSS) == 0


def test_what_is_of_the_moment_is_dropped() -> None:
    dead = 1
    route = Route.decode(message((CACHEINFO, bytes(32)), (TABLE, number(254)), flags=dead))
    assert route.flags == 0
    assert route.get(CACHEINFO) is None


def test_order_does_not_matter() -> None:
    parts = ((OIF, number(2)), (PRIORITY, number(7)))
    assert Route.decode(message(*parts)) == Route.decode(message(*reversed(parts)))


def test_encoding_is_the_inverse() -> None:
    route = default_by(VIA, 2, 5180)
    assert Route.decode(route.encode()) == route
    assert (route.table, route.gateways, route.devices) == (5180, (VIA,), (2,))


def test_several_hops_without_their_state() -> None:
    def hops(flags: int) -> bytes:
        inner = join(((GATEWAY, VIA.packed),))
        head = NEXTHOP.size + len(inner)
        return b"".join(NEXTHOP.pack(head, flags, weight, 3 + weight) + inner for weight in (0, 1))

    linkdown = 16
    route = Route.decode(message((MULTIPATH, hops(linkdown))))
    assert route.get(MULTIPATH) == hops(0)
    assert route.devices == (3, 4)
    assert route.gateways == (VIA, VIA)


def test_a_nexthop_object_stands_alone() -> None:
    shown = message((NH_ID, number(5)), (GATEWAY, VIA.packed), (OIF, number(2)))
    assert [kind for kind, _ in Route.decode(shown).attributes] == [NH_ID]


def test_text() -> None:
    route = Route.decode(message((GATEWAY, VIA.packed), (OIF, number(2)), (PRIORITY, number(100))))
    assert route.text({2: "eth0"}) == "default via 10.0.0.1 dev eth0 metric 100"
