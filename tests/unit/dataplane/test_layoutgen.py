"""`layout.py` is what bpf/types.h says, and an object that says otherwise is refused."""

from pathlib import Path

import pytest

from elvs.dataplane import layout, layoutgen
from elvs.dataplane.btf import Btf
from elvs.model.errors import PlatformError


def test_the_committed_layout_is_the_generated_one(maps_object: Path) -> None:
    generated = layoutgen.render(Btf.of_object(maps_object.read_bytes()))
    assert Path(layout.__file__).read_text() == generated, (
        "run `python -m elvs.dataplane.btf OBJECT > src/elvs/dataplane/layout.py`"
    )


def test_the_object_is_accepted(maps_object: Path) -> None:
    layoutgen.check(maps_object.read_bytes())


def test_another_layout_is_refused(maps_object: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dict(layout.FINGERPRINTS) | {"struct server": 1, "enum verdict": 2}
    monkeypatch.setattr(layout, "FINGERPRINTS", other)
    with pytest.raises(PlatformError, match=r"another enum verdict .*\(and 1 more\)"):
        layoutgen.check(maps_object.read_bytes())


def test_enum_members_lose_their_prefix() -> None:
    values = [("TCP_S_NONE", 0), ("TCP_S_SYN_SENT", 1), ("TCP_S_COUNT", 2)]
    assert layoutgen.enum_members(values) == [("NONE", 0), ("SYN_SENT", 1)]
    assert layoutgen.enum_members([("A", 0), ("B", 1)]) == [("A", 0), ("B", 1)]
