"""Stored answers that a provider lets clients fetch repeatedly, so that their usage is counted only once."""

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from ccsproxy.capture.recorder.interfaces import UncountedAnswers
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

    def __init__(self, uncounted: UncountedAnswers | None = None) -> None:
        """Start with what an earlier process has left.

        :param uncounted: remembers answers across restarts; none outlives this process without it.
        """
        self._uncounted = uncounted
        self._begun: OrderedDict[str, None] = OrderedDict.fromkeys(uncounted.names() if uncounted is not None else ())
        self._new: OrderedDict[str, None] = OrderedDict()

    def begun(self, body: Any) -> None:
        """Note an answer to a model call that told no counts."""
        name = _name_of(body)
        if name is not None:
            self._begun[name] = self._new[name] = None
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)

    def keep(self) -> None:
        """Make durable what was noted since the last time; called once a second, and at the end."""
        if self._new and self._uncounted is not None:
            self._uncounted.add(list(self._new))
        self._new.clear()

    def batch(self, target: Path, body: Any) -> None:
        """Note a batch that was made; once it tells the file of its results, they are known by that.

        :param body: of an answer that is no model's.
        """
        if not isinstance(body, dict) or (body.get("object") != "batch" and body.get("type") != "message_batch"):
            return
        if target.method == "POST" and target.last == "batches":
            self.begun(body)
        results = body.get("output_file_id")
        if isinstance(results, str) and self.counts(body):
            self.begun({"id": results})

    def counts_results(self, target: Path) -> bool:
        """Whether the counts in the results of a batch, which the target names, have been seen nowhere yet."""
        return len(target.segments) > 1 and self.counts({"id": target.segments[-2]})

    def counts(self, body: Any) -> bool:
        """Whether the counts of a fetched answer have been seen nowhere yet; they are from now on."""
        name = _name_of(body)
        if name is None or name not in self._begun:
            return False
        del self._begun[name]
        self._new.pop(name, None)
        # Before the record that counts it: a double is worse than a loss.
        return self._uncounted is None or self._uncounted.remove(name)


def _name_of(body: Any) -> str | None:
    """Return what an answer is known by, None if it has no id."""
    name = body.get("id") if isinstance(body, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= 512:
        return None
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
