"""attach.json: written, read, damaged."""

from pathlib import Path

import pytest

from elvs.dataplane import attachments
from elvs.dataplane.attachments import Attachment, Attachments, Trial
from elvs.dataplane.pins import Place
from elvs.model.errors import PlatformError

ETH0 = Attachment(4, "eth0", "generic", "asked for", True, {"gro": True})
ETH1 = Attachment(5, "eth1", "native", "ixgbe can redirect")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(str(tmp_path), 0x2A)
    place.files.mkdir()
    return place


@pytest.mark.parametrize("trial", [None, Trial(77, 12.5, (5,), (4,))])
def test_what_is_written_is_read(place: Place, trial: Trial | None) -> None:
    what = Attachments({4: ETH0, 5: ETH1}, {"ipv4/conf/lo/forwarding": "0"}, trial)
    attachments.write(place, what)
    assert attachments.read(place) == what


def test_nothing_leaves_no_file(place: Place) -> None:
    attachments.write(place, Attachments().with_(ETH0))
    attachments.write(place, Attachments())
    assert list(place.files.iterdir()) == []
    assert attachments.read(place) == Attachments()


def test_with_and_without(place: Place) -> None:
    both = Attachments().with_(ETH0).with_(ETH1)
    assert both.without(4).interfaces == {5: ETH1}
    assert both.without(4).without(5) == Attachments()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"interfaces": [{"x": 1}], "trial": null}'])
def test_a_damaged_file_is_named(place: Place, text: str) -> None:
    (place.files / attachments.FILE).write_text(text)
    with pytest.raises(PlatformError, match=r"attach\.json"):
        attachments.read(place)
