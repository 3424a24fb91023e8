"""Words to options and their values, as popt reads them: bundles, `--long=value`, `--`."""

from elvs.rules.ipvsadm.options import LONG, MAYBE, NOTHING, SHORT, Option
from elvs.rules.ipvsadm.usage import OptionError

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence


class Scanner:
    """Hands out the options of a command line one by one; `rest` collects what is none."""

    def __init__(self, argv: "Sequence[str]") -> None:
        self._argv = argv
        self._next = 0
        self._bundle = ""
        self.rest: list[str] = []

    @property
    def word(self) -> str:
        """The word read last: what complaints show."""
        return self._argv[self._next - 1]

    def following(self) -> tuple[Option, str | None] | None:
        """The next option and its value, None at the end. Raises OptionError."""
        while not self._bundle:
            if self._next == len(self._argv):
                return None
            word = self._take()
            if word == "--":
                self.rest += self._argv[self._next :]
                self._next = len(self._argv)
            elif word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                return self._with_value(LONG.get(name), value if equals else None)
            elif len(word) > 1 and word.startswith("-"):
                self._bundle = word[1:]
            else:
                self.rest.append(word)
        option, self._bundle = SHORT.get(self._bundle[0]), self._bundle[1:]
        if self._bundle.startswith("="):
            glued, self._bundle = self._bundle[1:], ""
            return self._with_value(option, glued)
        return self._with_value(option, None)

    def _take(self) -> str:
        self._next += 1
        return self.word

    def _with_value(self, option: Option | None, glued: str | None) -> tuple[Option, str | None]:
        if option is None:
            raise OptionError(self.word, "unknown option")
        if option.takes == NOTHING:
            if glued is not None:
                raise OptionError(self.word, "option does not take an argument")
            return option, None
        if glued is not None:
            return option, glued
        if self._bundle:
            value, self._bundle = self._bundle, ""
            return option, value
        more = self._next < len(self._argv)
        if option.takes == MAYBE:
            more = more and not self._argv[self._next].startswith("-")
        elif not more:
            raise OptionError(self.word, "missing argument")
        return option, self._take() if more else None
