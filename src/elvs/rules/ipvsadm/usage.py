"""What is wrong with a command line, before any director is asked."""

from elvs.rules.ipvsadm.options import LIST_CONFLICTS, ORDER, RULES, Verb

TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."


class UsageError(Exception):
    """The command line is not ipvsadm's; `status` is the exit status."""

    ends_restore = True
    """Whether `-R` goes no further."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class OptionError(UsageError):
    """What popt, ipvsadm's option parser, complains of itself; `-R` goes on with the next line."""

    ends_restore = False

    def __init__(self, word: str, fault: str) -> None:
        super().__init__(f"{word}: {fault}", 255)


def check(verb: Verb, given: set[str]) -> None:
    """Refuse options that the command does not take, or that exclude each other."""
    rule, last = RULES[verb], ""
    for name in ORDER:
        if name not in given:
            if name in rule.needs:
                raise UsageError(
                    f"You need to supply the '{name}' option for the '{verb.value}' command"
                )
        elif name in rule.one:
            if last:
                raise UsageError(
                    f"The option '{name}' conflicts with the '{last}' option"
                    f" in the '{verb.value}' command"
                )
            last = name
        elif name not in rule.needs and name not in rule.may:
            raise UsageError(f"Illegal '{name}' option with the '{verb.value}' command")
    if verb is Verb.LIST and any(
        given & some and given & others for some, others in LIST_CONFLICTS
    ):
        raise UsageError("options conflicts in the list command")
