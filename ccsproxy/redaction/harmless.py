"""Values of header fields that were searched already: most lines of a head are those of the call before."""

from collections.abc import Sequence

from ccsproxy.redaction.sieve import suspicious, suspicious_of

#: Longer values are searched each time, so that what is remembered stays small.
_LONGEST = 256


class Harmless:
    """Remembers values in which nothing is secret by its shape; nothing else is ever remembered."""

    def __init__(self, most: int = 1024) -> None:
        """Remember nothing yet.

        :param most: how many values are remembered; when they are more, all are forgotten.
        """
        self._most = most
        self._values: set[str] = set()

    def are(self, values: Sequence[str], known: Sequence[str]) -> bool:
        """Tell whether no value holds a secret; where it says false, one may.

        :param known: secrets that are known. Values that may hold one are neither looked up nor remembered.
        """
        if known and suspicious_of(values, known):
            return False
        new = [value for value in values if value not in self._values]
        if not new:
            return True
        if suspicious(new):
            return False
        if len(self._values) > self._most:
            self._values.clear()
        self._values.update([value for value in new if len(value) <= _LONGEST])
        return True
