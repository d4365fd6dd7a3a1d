"""Stored answers that a provider lets clients fetch repeatedly, so that their usage is counted only once."""

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from ccsproxy.capture.recorder.interfaces import DurableAnswers
from ccsproxy.dialects.batches.jobs import batch_made, fetched_results, results_file
from ccsproxy.dialects.json_body import text_member
from ccsproxy.dialects.route import Path

#: How many uncounted answers are remembered; the oldest are forgotten first.
_MOST = 10_000


class StoredAnswers:
    """Remembers answers without usage: those in the background, in a batch, or in a stream that broke off.

    The tokens of such an answer are counted when it is first fetched with its usage. No other fetch counts, so
    nothing is counted twice. An answer is identified by its id alone, which its provider makes unique; only a hash of
    the id is stored, which reveals nothing about a session that is removed later.

    Answers are remembered across restarts. One that arrives within a second before the recorder is killed may be
    forgotten, and then has no counts: counts may be lost, but never doubled.
    """

    def __init__(self, uncounted: DurableAnswers | None = None) -> None:
        """Load what an earlier process has stored.

        :param uncounted: remembers answers across restarts; without it they are lost with this process.
        """
        self._uncounted = uncounted
        self._begun: OrderedDict[str, None] = OrderedDict.fromkeys(uncounted.names() if uncounted is not None else ())
        self._new: OrderedDict[str, None] = OrderedDict()

    def begun(self, body: Any) -> None:
        """Note an answer to a model call without usage."""
        self._note(text_member(body, "id"))

    def batch(self, target: Path, body: Any) -> None:
        """Note a batch that was created; once it names its results file, it is identified by that.

        :param body: of a response that is not a model's answer.
        """
        self._note(batch_made(target, body))
        results = results_file(body)
        if results is not None and self._count(results[0]):
            self._note(results[1])

    def keep(self) -> None:
        """Make the notes since the last call durable; called once a second, and at the end."""
        if self._new and self._uncounted is not None:
            self._uncounted.add(list(self._new))
        self._new.clear()

    def counts(self, target: Path, body: Any) -> bool:
        """Return whether the counts of a fetched answer, or of a batch's results, are new, and note them."""
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
    """Return the name by which an answer is identified; None if it has no usable id."""
    if answer is None or len(answer) > 512:
        return None
    return sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()[:32]
