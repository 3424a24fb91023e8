"""What must hold on a real server: one list that `up` makes true and `check` reports."""

from elvs.realserver.conditions.base import Condition
from elvs.realserver.conditions.nat import nat
from elvs.realserver.conditions.silent import silent
from elvs.realserver.conditions.tunnel import tunnel
from elvs.realserver.facts import Facts
from elvs.realserver.request import Request

__all__ = ["Condition", "conditions"]

BY_METHOD = {"dr": (silent,), "tun": (silent, tunnel), "nat": (nat,)}


def conditions(request: Request, facts: Facts) -> list[Condition]:
    """Everything that `request` needs, judged by `facts`, in the order in which to mend it.

    What keeps a VIP silent comes before the VIP, so that not one ARP answer escapes.
    """
    return [one for part in BY_METHOD[request.method] for one in part(request, facts)]
