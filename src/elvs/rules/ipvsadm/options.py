"""What ipvsadm understands, as tables: commands, options, and which go together.

Rows are those of ipvsadm.c's `options_table` and `commands_v_options`. A new option is a row here
and, if it has a value, its reader in `entry.py`.
"""

from enum import Enum

from elvs.model.value import dataclass


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


NOTHING, VALUE, MAYBE = range(3)
"""Whether a word behind an option is its value."""


@dataclass(frozen=True, slots=True)
class Option:
    """A command (`verb` is set) or an option.

    `name` is what messages and RULES call it; several options may share one, and then only one of
    them can be given. Without a name it goes with everything, any number of times.
    """

    name: str
    long: str
    short: str = ""
    takes: int = NOTHING
    verb: Verb | None = None


OPTIONS = (
    Option("", "add-service", "A", verb=Verb.ADD_SERVICE),
    Option("", "edit-service", "E", verb=Verb.EDIT_SERVICE),
    Option("", "delete-service", "D", verb=Verb.DELETE_SERVICE),
    Option("", "clear", "C", verb=Verb.FLUSH),
    Option("", "add-server", "a", verb=Verb.ADD_SERVER),
    Option("", "edit-server", "e", verb=Verb.EDIT_SERVER),
    Option("", "delete-server", "d", verb=Verb.DELETE_SERVER),
    Option("", "list", "L", verb=Verb.LIST),
    Option("", "list", "l", verb=Verb.LIST),
    Option("", "zero", "Z", verb=Verb.ZERO),
    Option("", "set", verb=Verb.SET),
    Option("", "start-daemon", "", VALUE, Verb.START_DAEMON),
    Option("", "stop-daemon", "", VALUE, Verb.STOP_DAEMON),
    Option("", "restore", "R", verb=Verb.RESTORE),
    Option("", "save", "S", verb=Verb.SAVE),
    Option("", "help", "h", verb=Verb.HELP),
    Option("", "version", "v", verb=Verb.VERSION),
    Option("service-address", "tcp-service", "t", VALUE),
    Option("service-address", "udp-service", "u", VALUE),
    Option("service-address", "sctp-service", "", VALUE),
    Option("service-address", "fwmark-service", "f", VALUE),
    Option("", "ipv6", "6"),
    Option("scheduler", "scheduler", "s", VALUE),
    Option("persistent", "persistent", "p", MAYBE),
    Option("netmask", "netmask", "M", VALUE),
    Option("pe", "pe", "", VALUE),
    Option("sched-flags", "sched-flags", "b", VALUE),
    Option("ops", "ops", "o"),
    Option("real-server", "real-server", "r", VALUE),
    Option("forwarding-method", "gatewaying", "g"),
    Option("forwarding-method", "ipip", "i"),
    Option("forwarding-method", "masquerading", "m"),
    Option("weight", "weight", "w", VALUE),
    Option("u-threshold", "u-threshold", "x", VALUE),
    Option("l-threshold", "l-threshold", "y", VALUE),
    Option("tun-type", "tun-type", "", VALUE),
    Option("tun-port", "tun-port", "", VALUE),
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
    Option("", "sort"),
    Option("exact", "exact", "X"),
    Option("tun-info", "tun-info"),
    Option("mcast-interface", "mcast-interface", "", VALUE),
    Option("syncid", "syncid", "", VALUE),
    Option("sync-maxlen", "sync-maxlen", "", VALUE),
    Option("mcast-group", "mcast-group", "", VALUE),
    Option("mcast-port", "mcast-port", "", VALUE),
    Option("mcast-ttl", "mcast-ttl", "", VALUE),
)
LONG = {option.long: option for option in OPTIONS}
SHORT = {option.short: option for option in OPTIONS if option.short}

ORDER = (
    "numeric", "connection", "service-address", "scheduler", "persistent", "netmask",
    "real-server", "forwarding-method", "weight", "u-threshold", "l-threshold",
    "mcast-interface", "timeout", "daemon", "stats", "rate", "thresholds", "persistent-conn",
    "nosort", "syncid", "exact", "ops", "pe", "sched-flags", "mcast-group", "mcast-port",
    "mcast-ttl", "sync-maxlen", "tun-info", "tun-type", "tun-port", "tun-nocsum", "tun-csum",
    "tun-remcsum",
)  # fmt: skip
"""The order in which ipvsadm complains."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Options of a command: `needs` must, `may` can be given, of `one` at most one."""

    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    one: frozenset[str] = frozenset()


def _rule(needs: str = "", may: str = "", one: str = "") -> Rule:
    return Rule(frozenset(needs.split()), frozenset(may.split()), frozenset(one.split()))


_SERVICE = _rule("service-address", "scheduler persistent netmask ops pe sched-flags")
_SERVER = _rule(
    "service-address real-server",
    "forwarding-method weight u-threshold l-threshold"
    " tun-type tun-port tun-nocsum tun-csum tun-remcsum",
)

RULES = {
    Verb.ADD_SERVICE: _SERVICE,
    Verb.EDIT_SERVICE: _SERVICE,
    Verb.DELETE_SERVICE: _rule("service-address"),
    Verb.FLUSH: _rule(),
    Verb.ADD_SERVER: _SERVER,
    Verb.EDIT_SERVER: _SERVER,
    Verb.DELETE_SERVER: _rule("service-address real-server"),
    Verb.LIST: _rule(
        may="numeric stats rate thresholds persistent-conn nosort syncid exact tun-info",
        one="connection service-address timeout daemon",
    ),
    Verb.ZERO: _rule(may="service-address"),
    Verb.SET: _rule(),
    Verb.START_DAEMON: _rule(
        may="mcast-interface syncid sync-maxlen mcast-group mcast-port mcast-ttl"
    ),
    Verb.STOP_DAEMON: _rule(may="syncid"),
    Verb.RESTORE: _rule(),
    Verb.SAVE: _rule(may="numeric"),
}

LIST_CONFLICTS = (
    ({"connection", "timeout", "daemon"}, {"stats", "rate", "thresholds"}),
    ({"timeout", "daemon"}, {"persistent-conn"}),
)
"""Of each pair: one of the first does not go with one of the second in a listing."""
