"""Words to a command and its options, as popt reads them: bundles, `--long=value`, rests."""

from dataclasses import dataclass, field

from elvs.rules.ipvsadm.options import ALWAYS, COMMANDS, OPTIONS, ORDER, RULES, Option, Takes, Verb

TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."


class UsageError(Exception):
    """The command line is not ipvsadm's; `status` is the exit status."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


@dataclass(slots=True)
class Words:
    """A command, its options in order as (option, value), and what was neither."""

    verb: Verb
    options: list[tuple[Option, str]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)

    def given(self) -> set[str]:
        return {option.name for option, _ in self.options}


_SHORT = {o.short: o for o in OPTIONS if o.short}
_LONG = {o.long: o for o in OPTIONS}


def scan(argv: list[str]) -> Words:
    """Read a command line without its program name; no words at all mean `-L`."""
    if not argv:
        return Words(Verb.LIST)
    tokens = _Tokens(argv)
    first = tokens.following()
    if first is None or first[0] not in COMMANDS:
        raise UsageError(TRY_HELP, 255)
    words = Words(COMMANDS[first[0]])
    while (token := tokens.following()) is not None:
        name, shown, value = token
        if name in COMMANDS:
            raise UsageError(f"invalid option `{shown}'")
        option = _SHORT.get(name) if len(name) == 1 else _LONG.get(name)
        if option is None:
            raise UsageError(f"{shown}: unknown option", 255)
        _refuse_double(words, option)
        words.options.append((option, tokens.value(option, shown, value)))
    words.rest = tokens.rest
    return words


def _refuse_double(words: Words, option: Option) -> None:
    if option.name not in ALWAYS and option.name in words.given():
        raise UsageError(f"multiple '{option.name}' options specified")


class _Tokens:
    def __init__(self, argv: list[str]) -> None:
        self._left = list(argv)
        self._bundle = ""
        self.rest: list[str] = []

    def following(self) -> tuple[str, str, str | None] | None:
        """(name, as shown in messages, value glued to it or None); None at the end."""
        while not self._bundle:
            if not self._left:
                return None
            word = self._left.pop(0)
            if word.startswith("--") and len(word) > 2:
                name, glued, value = word[2:].partition("=")
                if len(name) == 1:
                    raise UsageError(f"{word}: unknown option", 255)
                return name, f"--{name}", value if glued else None
            if word.startswith("-") and len(word) > 1:
                self._bundle = word[1:]
            else:
                self.rest.append(word)
        name, self._bundle = self._bundle[0], self._bundle[1:]
        return name, f"-{name}", None

    def value(self, option: Option, shown: str, glued: str | None) -> str:
        if option.takes is Takes.NOTHING:
            return ""
        if glued is not None:
            return glued
        if self._bundle:
            value, self._bundle = self._bundle.removeprefix("="), ""
            return value
        if self._left and not (option.takes is Takes.MAYBE and self._left[0].startswith("-")):
            return self._left.pop(0)
        if option.takes is Takes.MAYBE:
            return ""
        raise UsageError(f"{shown}: missing argument", 255)


def check(words: Words) -> None:
    """Refuse options that the command does not take, or that exclude each other."""
    rule, given, command = RULES[words.verb], words.given(), words.verb.value
    last = ""
    for name in ORDER:
        if name not in given:
            if name in rule.needs:
                raise UsageError(
                    f"You need to supply the '{name}' option for the '{command}' command"
                )
        elif name in rule.one:
            if last:
                raise UsageError(
                    f"The option '{name}' conflicts with the '{last}' option"
                    f" in the '{command}' command"
                )
            last = name
        elif name not in rule.needs | rule.may:
            raise UsageError(f"Illegal '{name}' option with the '{command}' command")
