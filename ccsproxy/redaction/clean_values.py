"""Values of header fields that were searched already: most lines of a head are those of the call before."""

from collections.abc import Sequence

from ccsproxy.redaction.search.rules import Rules

#: Longer values are searched each time, so that what is remembered stays small.
_LONGEST = 256


class CleanValueCache:
    """Remembers values in which the rules find no secret; nothing else is ever remembered."""

    def __init__(self, rules: Rules, most: int = 1024) -> None:
        """Remember nothing yet.

        :param most: how many values are remembered; when they are more, all are forgotten.
        """
        self._rules = rules
        self._most = most
        self._values: set[str] = set()

    def are(self, values: Sequence[str]) -> bool:
        """Tell whether no value holds a secret by the rules; where it says false, one may."""
        new = [value for value in values if value not in self._values]
        if not new:
            return True
        if self._rules.may_hold(new):
            return False
        # All at once: which one will come again is not known, and the next head fills it with those that do.
        if len(self._values) > self._most:
            self._values.clear()
        self._values.update([value for value in new if len(value) <= _LONGEST])
        return True
