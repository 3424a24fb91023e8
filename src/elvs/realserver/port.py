"""What the agent needs of the machine. `system.py` is the kernel's; tests have one in memory."""

from typing import Protocol as Interface

from elvs.model.address import Address
from elvs.realserver.facts import Decapsulator, Facts, Rule
from elvs.realserver.route import Route


class System(Interface):
    """One network namespace: facts are read afresh, each change is one call.

    Every change raises PlatformError when the kernel refuses.
    """

    def facts(self) -> Facts:
        """Read everything that decides."""

    def sysctl(self, name: str) -> str | None:
        """The value of `net/ipv4/...`, None where there is no such file."""

    def set_sysctl(self, name: str, value: str) -> None: ...

    def set_up(self, interface: str, up: bool) -> None: ...

    def add_address(self, address: Address, interface: str) -> None:
        """Put a VIP on lo or the like: a single address, never a source of the kernel's choice."""

    def remove_address(self, address: Address, interface: str) -> None: ...

    def add_tunnel(self, name: str, kind: str) -> bool:
        """Make the kernel's catch-all tunnel device; False where this kernel has none."""

    def remove_tunnel(self, name: str) -> None:
        """Take it away; one that the module keeps goes down only."""

    def replace_route(self, route: Route) -> None:
        """Put a route in the place of the one with the same destination and metric."""

    def add_route(self, route: Route) -> None: ...

    def remove_route(self, route: Route) -> None: ...

    def add_rule(self, rule: Rule) -> None: ...

    def remove_rule(self, rule: Rule) -> None: ...

    def add_clsact(self, interface: str) -> None: ...

    def remove_clsact(self, interface: str) -> bool:
        """Take the qdisc away unless filters stand there (False)."""

    def decapsulate(self, wanted: Decapsulator | None) -> None:
        """Attach our program as `wanted` says and nowhere else; None: nowhere."""

    def unpacked(self) -> dict[str, int]:
        """What our program counted, by outcome; empty where it is not attached."""
