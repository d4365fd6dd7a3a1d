"""Isolation of the relay from capture: whatever capture raises, the relay goes on.

`ccsproxy.exchange.relayed` says that capture never raises. This is the one place that does not rely on it.
"""

from twisted.logger import Logger

from ccsproxy.exchange.relayed import Capture, Ending, NullTap, RequestHead, ResponseHead, Tap

_NULL = NullTap()

log = Logger()


class GuardedCapture:
    """A capture whose exceptions cannot reach the relay.

    :ivar failures: how often capture has raised; each time the rest of that exchange was not captured.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.failures = 0

    def begin(self, head: RequestHead) -> "GuardedTap":
        """Start capturing an exchange; see `Capture.begin`."""
        try:
            tap = self._capture.begin(head)
        except Exception:
            self.failed()
            tap = _NULL
        return GuardedTap(self, tap)

    def failed(self) -> None:
        """Count a failure, and log every power of two."""
        self.failures += 1
        # Powers of two: a fault in every exchange must not fill the disk with tracebacks.
        if self.failures & (self.failures - 1) == 0:
            log.failure("capture raised and has lost exchanges: {failures} so far", failures=self.failures)


class GuardedTap:
    """A tap whose exceptions cannot reach the relay: the first call that raises is the last one passed on."""

    __slots__ = ("_capture", "_tap")

    def __init__(self, capture: GuardedCapture, tap: Tap) -> None:
        self._capture = capture
        self._tap = tap

    def request_body(self, data: bytes) -> None:
        """Pass on a piece of the request body; see `Tap.request_body`."""
        try:
            self._tap.request_body(data)
        except Exception:
            self._drop()

    def response_head(self, head: ResponseHead) -> None:
        """Pass on the response head; see `Tap.response_head`."""
        try:
            self._tap.response_head(head)
        except Exception:
            self._drop()

    def response_body(self, data: bytes) -> None:
        """Pass on a piece of the response body; see `Tap.response_body`."""
        try:
            self._tap.response_body(data)
        except Exception:
            self._drop()

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Pass on that the response is complete; see `Tap.response_whole`."""
        try:
            self._tap.response_whole(outcome, kind, message)
        except Exception:
            self._drop()

    def end(self, ending: Ending) -> None:
        """Pass on how the exchange ended; see `Tap.end`."""
        try:
            self._tap.end(ending)
        except Exception:
            self._drop()

    def _drop(self) -> None:
        # A tap that has raised is not called again: a record of an exchange with a silent gap would be false.
        self._tap = _NULL
        self._capture.failed()
