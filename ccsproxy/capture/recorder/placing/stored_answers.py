"""Counting an answer once that its provider stores, and that is fetched again as often as somebody likes."""

from collections import OrderedDict
from typing import Any

#: How many answers are remembered that were begun and not counted; the oldest are forgotten.
_MOST = 10_000


class StoredAnswers:
    """Knows which answers were begun without counts: in the background, or in a stream that broke off.

    The first fetching of such an answer that tells its counts is where they are counted. No other fetching counts, so
    that what was counted when it was made is never counted again. An answer is known by its id alone, which its
    provider makes unique. What is remembered does not outlive the process: an answer that is fetched after that has
    no counts, which is a loss, and never a double.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._begun: OrderedDict[str, None] = OrderedDict()

    def begun(self, body: Any) -> None:
        """Note an answer to a model call that told no counts."""
        name = _id_of(body)
        if name is not None:
            self._begun[name] = None
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)

    def counts(self, body: Any) -> bool:
        """Whether the counts of a fetched answer have been seen nowhere yet; they are from now on."""
        name = _id_of(body)
        if name is None or name not in self._begun:
            return False
        del self._begun[name]
        return True


def _id_of(body: Any) -> str | None:
    name = body.get("id") if isinstance(body, dict) else None
    return name if isinstance(name, str) and 0 < len(name) <= 512 else None
