"""One packet at a time through the loaded director, the clock in the test's hand."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import world as kit
from tests.kit.packets import IPV4, IPV6, Net
from tests.kit.rules import Rules
from tests.kit.world import World

BUCKETS = 1024


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.root)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def namespace() -> Iterator[tuple[int, int]]:
    """Descriptor of the namespace with two sides, and the outside's ifindex."""
    there = kit.new_namespace()
    try:
        with kit.inside(there):
            ingress = kit.build_network()
        yield there, ingress
    finally:
        os.close(there)


@pytest.fixture(scope="session")
def hand_object(elvs_object: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.hand_object(tmp_path_factory.mktemp("hand"))


@pytest.fixture(scope="session")
def loaded(namespace: tuple[int, int], elvs_object: Path, hand_object: Path) -> Iterator[World]:
    with kit.loaded(elvs_object, hand_object, namespace[1], BUCKETS) as world:
        yield world


@pytest.fixture
def world(namespace: tuple[int, int], loaded: World) -> Iterator[World]:
    """The director with empty tables, entered."""
    loaded.clear()
    with kit.inside(namespace[0]):
        yield loaded


@pytest.fixture
def another_world(
    namespace: tuple[int, int], elvs_object: Path, hand_object: Path
) -> Iterator[World]:
    """One with maps of its own, gone after the test."""
    with kit.inside(namespace[0]), kit.loaded(elvs_object, hand_object, namespace[1], 16) as world:
        world.clear()
        yield world


@pytest.fixture
def rules(world: World) -> Rules:
    return Rules(world.tables)


@pytest.fixture(params=[IPV4, IPV6], ids=str)
def net(request: pytest.FixtureRequest) -> Net:
    """Each test that asks for it runs with both families."""
    found: Net = request.param
    return found
