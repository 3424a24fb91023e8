"""NAT: the server's answers must pass the director, or clients see an address they never called.

If the main table's default route leads to the director already, all is well. Otherwise answers
get a table of their own by policy rules, and the default route stays: replaced, it would take along
whatever else the server talks to. Three rules for each RIP, the first that matches wins:

    5180  from RIP ipproto tcp sport 22 lookup main        ssh keeps its way (unless --port)
    5181  from RIP lookup main suppress_prefixlength 0     so does every network with its own route
    5182  from RIP [ipproto P sport PORT] lookup 5180      the rest goes to the director
"""

from elvs.model.address import Address, Family
from elvs.model.errors import InvalidValue
from elvs.realserver.conditions.base import Condition
from elvs.realserver.facts import Facts, Rule
from elvs.realserver.request import Request
from elvs.realserver.route import MAIN, default_by
from elvs.realserver.steps import AddRoute, AddRule

TABLE = 5180
SSH_RULE, SPECIFIC_RULE, ANSWER_RULE = 5180, 5181, 5182
SSH = 22
TCP, UDP = 6, 17


def nat(request: Request, facts: Facts) -> list[Condition]:
    return [one for family in request.families for one in _family(request, facts, family)]


def _family(request: Request, facts: Facts, family: Family) -> list[Condition]:
    dip = request.gateway(family)
    best = min(
        (route for route in facts.defaults if route.family is family),
        key=lambda route: route.priority,
        default=None,
    )
    if best and best.gateways == (dip,):
        return [Condition("gateway", f"the default route leads to the director {dip}")]
    ends = facts.beside(dip)
    if not ends:
        return [
            Condition(
                "gateway",
                f"the director {dip} is in no network of this server",
                ok=False,
                mend="give this server an address in the director's network",
            )
        ]
    found = [_route(dip, ends[0][0].index, request.ports, facts)]
    for _, rip in ends:
        found += [_rule(rule, facts) for rule in answer_rules(rip, request.ports)]
    return found


def answer_rules(rip: Address, ports: tuple[int, ...]) -> list[Rule]:
    """The rules of one RIP; with `ports` only what answers on them goes to the director."""
    specific = Rule(SPECIFIC_RULE, rip, MAIN, specific=True)
    if ports:
        return [
            specific,
            *(
                Rule(ANSWER_RULE, rip, TABLE, protocol, port)
                for port in ports
                for protocol in (TCP, UDP)
            ),
        ]
    return [Rule(SSH_RULE, rip, MAIN, TCP, SSH), specific, Rule(ANSWER_RULE, rip, TABLE)]


def judge_table(facts: Facts, gateways: tuple[Address, ...]) -> None:
    """Raise InvalidValue where somebody else uses the table."""
    for route in facts.ours:
        if route.gateways not in {(dip,) for dip in gateways}:
            raise InvalidValue(
                f"routing table {TABLE}, which eLVS uses, has other routes",
                f"look at `ip route show table {TABLE}` and move them",
            )


def _route(dip: Address, device: int, ports: tuple[int, ...], facts: Facts) -> Condition:
    wanted = default_by(dip, device, TABLE)
    if any(route.leads_as(wanted) for route in facts.ours):
        return Condition("gateway", f"table {TABLE} leads to the director {dip}")
    return Condition(
        "gateway",
        f"no route for answers to the director {dip}",
        ok=False,
        mend=f"{_ip(dip)} route add default via {dip} dev {facts.named(device)} table {TABLE}",
        steps=(AddRoute(wanted),),
        note=f"answers go to the director {dip} by rules, as that breaks least: the default route "
        "stays, networks with a route of their own keep their way, "
        + ("and so does everything but the given ports" if ports else "and so does ssh (port 22)"),
    )


def _rule(rule: Rule, facts: Facts) -> Condition:
    if rule in facts.rules:
        return Condition("rule", f"rule {rule.priority} is there: {rule}")
    return Condition(
        "rule",
        f"no rule {rule.priority}: {rule}",
        ok=False,
        mend=f"{_ip(rule.source)} rule add pref {rule.priority} {rule}",
        steps=(AddRule(rule),),
    )


def _ip(address: Address) -> str:
    return "ip -6" if address.family is Family.IPV6 else "ip"
