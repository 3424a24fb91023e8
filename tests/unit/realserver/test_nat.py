"""NAT: answers go by the director, with as little else as possible."""

import pytest

from elvs.model.address import Address
from elvs.model.errors import InvalidValue
from elvs.realserver.conditions.nat import TABLE, answer_rules, judge_table, nat
from elvs.realserver.facts import Rule
from elvs.realserver.request import Request
from elvs.realserver.route import MAIN, default_by
from elvs.realserver.steps import AddRoute, AddRule
from tests.kit.realserver import RIP, ROUTER, machine

DIP = Address.parse("10.0.0.1")
REQUEST = Request.parse("nat", ["192.0.2.9"], [str(DIP)])


def test_a_default_route_by_the_director_is_enough() -> None:
    found = nat(Request.parse("nat", ["192.0.2.9"], [str(ROUTER)]), machine())
    assert [one.ok for one in found] == [True]


def test_rules_for_answers() -> None:
    found = [step for one in nat(REQUEST, machine()) for step in one.steps]
    assert found == [
        AddRoute(default_by(DIP, 2, TABLE)),
        AddRule(Rule(5180, RIP, MAIN, 6, 22)),
        AddRule(Rule(5181, RIP, MAIN, specific=True)),
        AddRule(Rule(5182, RIP, TABLE)),
    ]


def test_only_what_is_answered_from_a_port() -> None:
    assert [str(rule) for rule in answer_rules(RIP, (80,))] == [
        "from 10.0.0.2 lookup main suppress_prefixlength 0",
        "from 10.0.0.2 ipproto tcp sport 80 lookup 5180",
        "from 10.0.0.2 ipproto udp sport 80 lookup 5180",
    ]


def test_all_is_well() -> None:
    facts = machine(ours=(default_by(DIP, 2, TABLE),), rules=tuple(answer_rules(RIP, ())))
    assert all(one.ok for one in nat(REQUEST, facts))


def test_the_better_default_route_counts() -> None:
    second = default_by(DIP, 2, MAIN)
    second = type(second)(second.head, 0, (*second.attributes, (6, (9).to_bytes(4, "little"))))
    facts = machine(defaults=(machine().defaults[0], second))
    assert not nat(REQUEST, facts)[0].ok


def test_the_table_is_ours_alone() -> None:
    facts = machine(ours=(default_by(ROUTER, 2, TABLE),))
    with pytest.raises(InvalidValue, match="routing table 5180"):
        judge_table(facts, (DIP,))
    judge_table(facts, (ROUTER,))


def test_a_director_out_of_reach() -> None:
    far = Request.parse("nat", ["192.0.2.9"], ["10.9.0.1"])
    (found,) = nat(far, machine())
    assert not found.ok
    assert found.steps == ()
