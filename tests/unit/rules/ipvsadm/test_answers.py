"""ipvsadm's words for our errors, ours where it has none."""

import pytest

from elvs.model.address import Address
from elvs.model.change import Change, DeleteServer, DeleteService
from elvs.model.errors import (
    ElvsError,
    InvalidValue,
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    SchedulerNotFound,
    ServiceExists,
    TableFull,
)
from elvs.model.service import Protocol, RealServerKey, ServiceKey
from elvs.rules.ipvsadm.answers import refusal

VIP = ServiceKey(Protocol.TCP, Address.parse("192.0.2.1"), 80)
OF_SERVER = DeleteServer(VIP, RealServerKey(Address.parse("10.0.0.1"), 80))


@pytest.mark.parametrize(
    ("error", "change", "text"),
    [
        (ServiceExists("x"), None, "Service already exists"),
        (NoSuchService("x"), None, "No such service"),
        (NoSuchService("x"), DeleteService(VIP), "No such service"),
        (NoSuchService("x"), OF_SERVER, "Service not defined"),
        (RealServerExists("x"), None, "Destination already exists"),
        (NoSuchRealServer("x"), OF_SERVER, "No such destination"),
        (SchedulerNotFound("x"), None, "Scheduler or persistence engine not found"),
        (InvalidValue("x", out_of_range=True), None, "Numerical result out of range"),
        (InvalidValue("marks are not there", "use a VIP"), None, "marks are not there; use a VIP"),
        (TableFull("no room", "make some"), None, "no room; make some"),
    ],
)
def test_refusal(error: ElvsError, change: Change | None, text: str) -> None:
    assert refusal(error, change) == text
