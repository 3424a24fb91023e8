"""Native, generic or not at all."""

import pytest

from elvs.dataplane import netdev, survey
from elvs.dataplane.netdev import Attached, Interface, XdpFeature
from elvs.dataplane.survey import AttachRefused, Mode

ON = Interface("eth7", 7, "", 1500, True, False, 0, Attached.NONE, ())
CAN = XdpFeature.BASIC | XdpFeature.REDIRECT


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Driver and features as the kernel would say them."""
    said: dict[str, object] = {"driver": "ixgbe", "features": CAN}
    monkeypatch.setattr(netdev, "driver", lambda name: said["driver"])
    monkeypatch.setattr(netdev, "xdp_features", lambda index: said["features"])
    return said


def test_auto_is_native_where_the_driver_can(machine: dict[str, object]) -> None:
    assert survey.decide(ON, Mode.AUTO, None) == (Mode.NATIVE, "ixgbe can redirect")


@pytest.mark.parametrize("features", [XdpFeature(0), XdpFeature.BASIC])
@pytest.mark.parametrize("asked", [Mode.AUTO, Mode.NATIVE])
def test_a_driver_that_cannot_is_refused(
    machine: dict[str, object], asked: Mode, features: XdpFeature
) -> None:
    machine["features"] = features
    with pytest.raises(AttachRefused, match="--mode generic"):
        survey.decide(ON, asked, None)


def test_generic_only_when_asked_for(machine: dict[str, object]) -> None:
    assert survey.decide(ON, Mode.GENERIC, None) == (Mode.GENERIC, "asked for")


def test_an_old_kernel_is_tried_unless_the_driver_is_known(machine: dict[str, object]) -> None:
    machine["features"] = None
    assert survey.decide(ON, Mode.AUTO, None)[0] is Mode.NATIVE
    machine["driver"] = "nfp"
    with pytest.raises(AttachRefused):
        survey.decide(ON, Mode.AUTO, None)


def test_a_running_program_keeps_its_mode(machine: dict[str, object]) -> None:
    assert survey.decide(ON, Mode.AUTO, Mode.GENERIC)[0] is Mode.GENERIC
    with pytest.raises(AttachRefused, match="first elvs detach eth7"):
        survey.decide(ON, Mode.NATIVE, Mode.GENERIC)
