"""How a session's time is divided: model, stalls, tools, user, back-off after errors, the proxy itself."""

from collections.abc import Iterable, Sequence

import attr

from ccsproxy.insight.conversation.lanes import CallLink, Lanes
from ccsproxy.insight.facts import Call


@attr.define
class Times:
    """Seconds by what took them; they add up to the time from the first call to the end of the last.

    :ivar waiting: for the first content of the model's answers.
    :ivar streaming: while answers came.
    :ivar stalled: silences within answers, which are not in ``streaming``.
    :ivar tools: between an answer and the next call of the same turn.
    :ivar backoff: failed attempts, and the pauses after them.
    :ivar user: between the end of a turn and the next message of the user.
    :ivar proxy: the proxy's own share, which is contained in the others.
    """

    waiting: float = 0.0
    streaming: float = 0.0
    stalled: float = 0.0
    tools: float = 0.0
    backoff: float = 0.0
    user: float = 0.0
    proxy: float = 0.0

    @property
    def model(self) -> float:
        """Everything that the provider took."""
        return self.waiting + self.streaming + self.stalled

    @property
    def total(self) -> float:
        """The time from first to last, in seconds."""
        return self.model + self.tools + self.backoff + self.user

    def as_dict(self) -> dict[str, float]:
        """Write the times as the API answers them, in seconds."""
        return {
            "total": round(self.total, 3),
            "model": round(self.model, 3),
            "waiting": round(self.waiting, 3),
            "streaming": round(self.streaming, 3),
            "stalled": round(self.stalled, 3),
            "tools": round(self.tools, 3),
            "backoff": round(self.backoff, 3),
            "user": round(self.user, 3),
            "proxy": round(self.proxy, 3),
        }


def call_times(call: Call) -> Times:
    """Split the time of one call."""
    duration = (call.duration_ms or 0.0) / 1000
    proxy = (call.overhead_us or 0) / 1e6
    if call.failed:
        return Times(backoff=duration, proxy=proxy)
    first = min((call.ttft_ms or call.answering_ms or call.duration_ms or 0.0) / 1000, duration)
    stalled = min(sum(gap for _, gap in call.stalls) / 1000, duration - first)
    return Times(waiting=first, streaming=duration - first - stalled, stalled=stalled, proxy=proxy)


def add(total: Times, more: Times) -> None:
    """Add times to a sum."""
    # Written out: a session of a thousand calls adds three thousand times, and by names it took five times as long.
    total.waiting += more.waiting
    total.streaming += more.streaming
    total.stalled += more.stalled
    total.tools += more.tools
    total.backoff += more.backoff
    total.user += more.user
    total.proxy += more.proxy


def main_times(calls: Sequence[Call], lanes: Lanes, opening: Iterable[int]) -> Times:
    """Sum up the time of a conversation's main thread; what runs in parallel adds nothing.

    :param calls: of the main thread, in the order of their start.
    :param opening: numbers of the calls that carry a new message of the user.
    """
    total, opens = Times(), set(opening)
    ended: float | None = None
    for call in calls:
        link = lanes.links[call.seq]
        own = call_times(call)
        if ended is not None:
            between = (call.started_ms - ended) / 1000
            if between < 0:
                _shorten(own, -between)
            else:
                _between(total, between, link, call.seq in opens)
        add(total, own)
        ended = max(ended or 0.0, call.ended_ms)
    return total


def _between(total: Times, seconds: float, link: CallLink, opens: bool) -> None:
    """Attribute the time between two calls."""
    if link.repeats is not None:
        total.backoff += seconds
    elif opens:
        total.user += seconds
    else:
        total.tools += seconds


def _shorten(own: Times, seconds: float) -> None:
    """Remove the overlap with the previous call, so that no second counts twice."""
    for name in ("waiting", "streaming", "stalled", "backoff"):
        taken = min(getattr(own, name), seconds)
        setattr(own, name, getattr(own, name) - taken)
        seconds -= taken
