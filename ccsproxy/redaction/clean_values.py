"""Header lines that have been searched already: most of a head repeats that of the previous call."""

from collections.abc import Sequence

from ccsproxy.redaction.kinds.named.names import secret_field
from ccsproxy.redaction.search.rules import Rules

#: Longer values are searched each time, so that what is remembered stays small.
_LONGEST = 256


class CleanValueCache:
    """Remembers lines that are no secret by their name, and values in which the rules find none; nothing else ever.

    A value is searched as it is under whatever name; so a line is clean when its value is.
    """

    def __init__(self, rules: Rules, most: int = 1024) -> None:
        """Remember nothing yet.

        :param most: how many values are remembered; when they are more, all are forgotten.
        """
        self._rules = rules
        self._most = most
        self._values: set[str] = set()
        self._lines: set[tuple[str, str]] = set()

    def secret(self, lines: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the lines that are secret by their name."""
        known = self._lines
        new = [line for line in lines if line not in known]
        if not new:
            return set()
        secret = {line for line in new if secret_field(*line)}
        if len(known) > self._most:
            known.clear()
        known.update([line for line in new if line not in secret and len(line[1]) <= _LONGEST])
        return secret

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
