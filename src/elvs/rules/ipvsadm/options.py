"""What ipvsadm understands, as tables: options, commands, and which go together.

Rows are those of ipvsadm.c's `options_table` and `commands_v_options`. A new option is a row
here and its reading in `parse.py`.
"""

from dataclasses import dataclass
from enum import Enum


class Takes(Enum):
    """Whether an option has a value."""

    NOTHING = 0
    VALUE = 1
    MAYBE = 2


@dataclass(frozen=True, slots=True)
class Option:
    """`name` is what messages and the compatibility table call it; several may share one."""

    name: str
    long: str
    short: str = ""
    takes: Takes = Takes.NOTHING


_N, _V, _M = Takes.NOTHING, Takes.VALUE, Takes.MAYBE

OPTIONS = (
    Option("service-address", "tcp-service", "t", _V),
    Option("service-address", "udp-service", "u", _V),
    Option("service-address", "sctp-service", "", _V),
    Option("service-address", "fwmark-service", "f", _V),
    Option("ipv6", "ipv6", "6"),
    Option("scheduler", "scheduler", "s", _V),
    Option("persistent", "persistent", "p", _M),
    Option("netmask", "netmask", "M", _V),
    Option("pe", "pe", "", _V),
    Option("sched-flags", "sched-flags", "b", _V),
    Option("ops", "ops", "o"),
    Option("real-server", "real-server", "r", _V),
    Option("forwarding-method", "gatewaying", "g"),
    Option("forwarding-method", "ipip", "i"),
    Option("forwarding-method", "masquerading", "m"),
    Option("weight", "weight", "w", _V),
    Option("u-threshold", "u-threshold", "x", _V),
    Option("l-threshold", "l-threshold", "y", _V),
    Option("tun-type", "tun-type", "", _V),
    Option("tun-port", "tun-port", "", _V),
    Option("tun-nocsum", "tun-nocsum"),
    Option("tun-csum", "tun-csum"),
    Option("tun-remcsum", "tun-remcsum"),
    Option("numeric", "numeric", "n"),
    Option("connection", "connection", "c"),
    Option("timeout", "timeout"),
    Option("daemon", "daemon"),
    Option("stats", "stats"),
    Option("rate", "rate"),
    Option("thresholds", "thresholds"),
    Option("persistent-conn", "persistent-conn"),
    Option("nosort", "nosort"),
    Option("sort", "sort"),
    Option("exact", "exact", "X"),
    Option("tun-info", "tun-info"),
    Option("mcast-interface", "mcast-interface", "", _V),
    Option("syncid", "syncid", "", _V),
    Option("sync-maxlen", "sync-maxlen", "", _V),
    Option("mcast-group", "mcast-group", "", _V),
    Option("mcast-port", "mcast-port", "", _V),
    Option("mcast-ttl", "mcast-ttl", "", _V),
)

ORDER = (
    "numeric", "connection", "service-address", "scheduler", "persistent", "netmask",
    "real-server", "forwarding-method", "weight", "u-threshold", "l-threshold",
    "mcast-interface", "timeout", "daemon", "stats", "rate", "thresholds", "persistent-conn",
    "nosort", "syncid", "exact", "ops", "pe", "sched-flags", "mcast-group", "mcast-port",
    "mcast-ttl", "sync-maxlen", "tun-info", "tun-type", "tun-port", "tun-nocsum", "tun-csum",
    "tun-remcsum",
)  # fmt: skip
"""The order in which ipvsadm complains."""

ALWAYS = ("ipv6", "sort")
"""Options that no table forbids."""


class Verb(Enum):
    """Commands; the value is the name in messages."""

    ADD_SERVICE = "add-service"
    EDIT_SERVICE = "edit-service"
    DELETE_SERVICE = "delete-service"
    FLUSH = "flush"
    ADD_SERVER = "add-server"
    EDIT_SERVER = "edit-server"
    DELETE_SERVER = "delete-server"
    LIST = "list"
    ZERO = "zero"
    SET = "set"
    START_DAEMON = "start-daemon"
    STOP_DAEMON = "stop-daemon"
    RESTORE = "restore"
    SAVE = "save"
    HELP = "help"
    VERSION = "version"


COMMANDS = {
    "A": Verb.ADD_SERVICE, "add-service": Verb.ADD_SERVICE,
    "E": Verb.EDIT_SERVICE, "edit-service": Verb.EDIT_SERVICE,
    "D": Verb.DELETE_SERVICE, "delete-service": Verb.DELETE_SERVICE,
    "C": Verb.FLUSH, "clear": Verb.FLUSH,
    "a": Verb.ADD_SERVER, "add-server": Verb.ADD_SERVER,
    "e": Verb.EDIT_SERVER, "edit-server": Verb.EDIT_SERVER,
    "d": Verb.DELETE_SERVER, "delete-server": Verb.DELETE_SERVER,
    "L": Verb.LIST, "l": Verb.LIST, "list": Verb.LIST,
    "Z": Verb.ZERO, "zero": Verb.ZERO,
    "set": Verb.SET,
    "start-daemon": Verb.START_DAEMON, "stop-daemon": Verb.STOP_DAEMON,
    "R": Verb.RESTORE, "restore": Verb.RESTORE,
    "S": Verb.SAVE, "save": Verb.SAVE,
    "h": Verb.HELP, "help": Verb.HELP,
    "v": Verb.VERSION, "version": Verb.VERSION,
}  # fmt: skip
"""Short and long names -> command."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Options of a command: `needs` must, `may` can be given, of `one` at most one."""

    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    one: frozenset[str] = frozenset()


def _rule(needs: str = "", may: str = "", one: str = "") -> Rule:
    return Rule(frozenset(needs.split()), frozenset(may.split()), frozenset(one.split()))


_SERVICE = "scheduler persistent netmask ops pe sched-flags"
_SERVER = "forwarding-method weight u-threshold l-threshold tun-type tun-port"
_SERVER += " tun-nocsum tun-csum tun-remcsum"
_MCAST = "mcast-interface syncid sync-maxlen mcast-group mcast-port mcast-ttl"
_SHOW = "numeric stats rate thresholds persistent-conn nosort syncid exact tun-info"

RULES = {
    Verb.ADD_SERVICE: _rule("service-address", _SERVICE),
    Verb.EDIT_SERVICE: _rule("service-address", _SERVICE),
    Verb.DELETE_SERVICE: _rule("service-address"),
    Verb.FLUSH: _rule(),
    Verb.ADD_SERVER: _rule("service-address real-server", _SERVER),
    Verb.EDIT_SERVER: _rule("service-address real-server", _SERVER),
    Verb.DELETE_SERVER: _rule("service-address real-server"),
    Verb.LIST: _rule(may=_SHOW, one="connection service-address timeout daemon"),
    Verb.ZERO: _rule(may="service-address"),
    Verb.SET: _rule(),
    Verb.START_DAEMON: _rule(may=_MCAST),
    Verb.STOP_DAEMON: _rule(may="syncid"),
    Verb.RESTORE: _rule(),
    Verb.SAVE: _rule(may="numeric"),
    Verb.HELP: _rule(may=" ".join(ORDER)),
    Verb.VERSION: _rule(may=" ".join(ORDER)),
}
