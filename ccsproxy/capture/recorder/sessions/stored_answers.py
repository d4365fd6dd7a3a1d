"""Stored answers that a provider lets clients fetch repeatedly, so that their usage is counted only once."""

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from ccsproxy.capture.recorder.interfaces import DurableAnswers
from ccsproxy.dialects.batches.jobs import batch_made, fetched_results, results_file
from ccsproxy.dialects.json_body import text_member
from ccsproxy.dialects.route import Path

#: How many answers are remembered that were begun and not counted; the oldest are forgotten.
_MOST = 10_000


class StoredAnswers:
    """Knows which answers were begun without counts: in the background, in a batch, in a stream that broke off.

    The first fetching of such an answer that tells its counts is where they are counted. No other fetching counts, so
    that what was counted when it was made is never counted again. An answer is known by its id alone, which its
    provider makes unique; what is kept is a hash of it, which names nothing of a session that is removed later.

    Answers are remembered across restarts. One that is begun within a second of the recorder's being killed may be
    forgotten, and then has no counts: a loss, and never a double.
    """

    def __init__(self, uncounted: DurableAnswers | None = None) -> None:
        """Start with what an earlier process has left.

        :param uncounted: remembers answers across restarts; none outlives this process without it.
        """
        self._uncounted = uncounted
        self._begun: OrderedDict[str, None] = OrderedDict.fromkeys(uncounted.names() if uncounted is not None else ())
        self._new: OrderedDict[str, None] = OrderedDict()

    def begun(self, body: Any) -> None:
        """Note an answer to a model call that told no counts."""
        self._note(text_member(body, "id"))

    def batch(self, target: Path, body: Any) -> None:
        """Note a batch that was made; once it tells the file of its results, they are known by that.

        :param body: of an answer that is no model's.
        """
        self._note(batch_made(target, body))
        results = results_file(body)
        if results is not None and self._count(results[0]):
            self._note(results[1])

    def keep(self) -> None:
        """Make durable what was noted since the last time; called once a second, and at the end."""
        if self._new and self._uncounted is not None:
            self._uncounted.add(list(self._new))
        self._new.clear()

    def counts(self, target: Path, body: Any) -> bool:
        """Whether the counts of a fetched answer, or of a batch's results, have been seen nowhere yet; they are from
        now on.
        """
        return self._count(fetched_results(target, body) or text_member(body, "id"))

    def _note(self, answer: str | None) -> None:
        name = _name_of(answer)
        if name is not None:
            self._begun[name] = self._new[name] = None
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)

    def _count(self, answer: str | None) -> bool:
        name = _name_of(answer)
        if name is None or name not in self._begun:
            return False
        del self._begun[name]
        self._new.pop(name, None)
        # Before the record that counts it: a double is worse than a loss.
        return self._uncounted is None or self._uncounted.remove(name)


def _name_of(answer: str | None) -> str | None:
    """Return what an answer is known by, None if it has no usable id."""
    if answer is None or len(answer) > 512:
        return None
    return sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()[:32]
