"""Small stand-ins for what is outside: a socket, a disk, and what a relay would say."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ccsproxy.capture import frames
from ccsproxy.exchange.fieldlines import RawHeaders, joined
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing

JSON = (b"Content-Type", b"application/json")
SSE = (b"Content-Type", b"text/event-stream")


def request_head(
    exchange_id: str = "e1", headers: RawHeaders | None = None, target: bytes = b"/v1/messages"
) -> RequestHead:
    """Make a request head with defaults."""
    return RequestHead(
        id=exchange_id,
        started_at=1_700_000_000.0,
        upstream="anthropic",
        provider="anthropic",
        method=b"POST",
        target=target,
        forwarded_target=target,
        version="1.1",
        lines=joined(headers if headers is not None else [(b"Host", b"localhost")]),
    )


def response_head(status: int = 200, *headers: tuple[bytes, bytes]) -> ResponseHead:
    """Make a response head with defaults."""
    return ResponseHead(status, b"OK", "1.1", joined([*headers]))


def ending(
    outcome: str = "complete", kind: str = "", message: str = "", whole: bool = True, at: int = 5000
) -> Ending:
    """Make an ending with defaults."""
    return Ending(outcome, kind, message, at, Timing(), response_whole=whole)


class NowDisk:
    """A disk whose work is done at once, or when told to (`stalled`)."""

    def __init__(self) -> None:
        self.stalled = False
        self.waiting: list[Callable[[], None]] = []
        self.stopped = False

    def run(self, work: Any, *arguments: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()

        def go() -> None:
            try:
                result = work(*arguments)
            except Exception:
                done.errback()
            else:
                done.callback(result)

        self.waiting.append(go)
        if not self.stalled:
            self.catch_up()
        return done

    def catch_up(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def stop(self) -> None:
        self.stopped = True


class FakeSocket:
    """Takes what it has room for, as a socket that does not block."""

    def __init__(self, room: int = 1 << 30, most: int = 1 << 30) -> None:
        self.room, self.most = room, most
        self.data = bytearray()

    def sendmsg(self, buffers: list[bytes | memoryview]) -> int:
        whole = b"".join(buffers)[: min(self.room, self.most)]
        if not whole:
            raise BlockingIOError
        self.data += whole
        self.room -= len(whole)
        return len(whole)

    def frames(self) -> list[frames.Frame]:
        return frames.FrameDecoder().feed(bytes(self.data))
