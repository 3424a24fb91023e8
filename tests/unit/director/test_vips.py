"""Which addresses can be VIPs, and where."""

from pathlib import Path

import pytest

from elvs.cli.vip import parse
from elvs.dataplane.addresses import Assigned
from elvs.dataplane.netdev import Attached, Interface
from elvs.director import vips
from elvs.director.vips import VipRefused
from elvs.model.address import Address
from elvs.model.errors import InvalidValue

ETH0 = Interface("eth0", 4, "", 1500, True, False, 0, Attached.NONE, ())
ETH1 = Interface("eth1", 5, "", 1500, False, False, 0, Attached.NONE, ())
VIP = Address.parse("192.0.2.9")


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "127.0.0.5", "::", "::1", "ff02::1"])
def test_what_cannot_be_a_vip(text: str) -> None:
    with pytest.raises(InvalidValue):
        vips.check(Address.parse(text), ETH0)


def test_an_interface_that_is_down() -> None:
    with pytest.raises(VipRefused, match="ip link set dev eth1 up"):
        vips.check(VIP, ETH1)


def test_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vips, "interfaces", lambda: [ETH0, ETH1])
    vips.refuse_duplicate(VIP, ETH0, [Assigned(VIP, 32, 4)], known=False)
    with pytest.raises(VipRefused, match=r"elvs vip del 192\.0\.2\.9 dev eth1"):
        vips.refuse_duplicate(VIP, ETH0, [Assigned(VIP, 32, 5)], known=False)
    with pytest.raises(VipRefused, match="own address"):
        vips.refuse_duplicate(VIP, ETH0, [Assigned(VIP, 24, 4)], known=False)


def test_nothing_is_remembered_where_there_is_nothing(tmp_path: Path) -> None:
    assert vips.remembered(tmp_path) == ()


@pytest.mark.parametrize("text", ["192.0.2.9", "192.0.2.9/32"])
def test_written_with_or_without_length(text: str) -> None:
    assert parse(text) == VIP


@pytest.mark.parametrize("text", ["192.0.2.9/24", "2001:db8::1/64", "192.0.2", "web"])
def test_badly_written(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse(text)
