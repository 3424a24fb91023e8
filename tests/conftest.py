"""Tests marked `root` run where they can, say why where they cannot, and must where asked."""

import pytest

from tests.kit.machine import missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-root",
        action="store_true",
        help="fail at once if tests marked `root` cannot run here, instead of skipping them",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("root")]
    lack = missing() if marked else None
    if lack is None:
        return
    if config.getoption("--require-root"):
        pytest.exit(f"tests marked `root` cannot run: it {lack}", returncode=1)
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=lack))
