"""Capture held at arm's length: whatever it raises, the relay goes on.

`ccsproxy.exchange.relayed` says that captures never raise. This is the one place that does not rely on it.
"""

from twisted.logger import Logger

from ccsproxy.exchange.relayed import Capture, Ending, NullTap, RequestHead, ResponseHead, Tap

_NULL = NullTap()

log = Logger()


class GuardedCapture:
    """A capture that cannot hurt.

    :ivar failures: how often the capture has raised; each time the rest of that exchange was not captured.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.failures = 0

    def begin(self, head: RequestHead) -> "GuardedTap":
        """Announce an exchange; see `Capture.begin`."""
        try:
            tap = self._capture.begin(head)
        except Exception:
            self.failed()
            tap = _NULL
        return GuardedTap(self, tap)

    def failed(self) -> None:
        """Count a failure, and report the first of each power of two."""
        self.failures += 1
        # Powers of two: a fault in each exchange must not fill the disk with its own tracebacks.
        if self.failures & (self.failures - 1) == 0:
            log.failure("capture raised and has lost exchanges: {failures} so far", failures=self.failures)


class GuardedTap:
    """A tap that cannot hurt: the first time that it raises is its last call."""

    __slots__ = ("_capture", "_tap")

    def __init__(self, capture: GuardedCapture, tap: Tap) -> None:
        self._capture = capture
        self._tap = tap

    def request_body(self, data: bytes) -> None:
        """Hand on a piece of the request's body; see `Tap.request_body`."""
        try:
            self._tap.request_body(data)
        except Exception:
            self._drop()

    def response_head(self, head: ResponseHead) -> None:
        """Hand on the head of the answer; see `Tap.response_head`."""
        try:
            self._tap.response_head(head)
        except Exception:
            self._drop()

    def response_body(self, data: bytes) -> None:
        """Hand on a piece of the answer's body; see `Tap.response_body`."""
        try:
            self._tap.response_body(data)
        except Exception:
            self._drop()

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Hand on that the answer is whole; see `Tap.response_whole`."""
        try:
            self._tap.response_whole(outcome, kind, message)
        except Exception:
            self._drop()

    def end(self, ending: Ending) -> None:
        """Hand on how the exchange ended; see `Tap.end`."""
        try:
            self._tap.end(ending)
        except Exception:
            self._drop()

    def _drop(self) -> None:
        # What raised once is not asked again: half an exchange with a hole in it would be a record that lies.
        self._tap = _NULL
        self._capture.failed()
