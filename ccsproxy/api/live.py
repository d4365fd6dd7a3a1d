"""Live events: one history for any number of watchers, none of which can delay another.

Each event is encoded once. A watcher that cannot accept it buffers it in its own ring; when the ring is full, the
watcher is told that it lags and is disconnected.
"""

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from itertools import islice
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.api.answer import Refused
from ccsproxy.runtime.bus import Event

#: How many events are kept for watchers that reconnect.
HISTORY = 2048
#: How many events are buffered for a watcher that does not read.
RING = 256
#: Seconds between two keep-alive comments.
HEARTBEAT = 15.0
#: Milliseconds after which a browser reconnects.
RETRY = 2000


class Sink(Protocol):
    """The destination of a watcher's stream."""

    def write(self, data: bytes) -> object:
        """Write a piece of the event stream to one watcher."""

    def end(self) -> object:
        """End it; a reader that does not read the rest is disconnected after a while."""


class Live:
    """Passes events to watchers.

    :ivar watchers: the connected ones.
    """

    def __init__(self, clock: IReactorTime, run: str, history: int = HISTORY, ring: int = RING) -> None:
        """Start with an empty history.

        :param run: identifies this history in event ids; ids of another one cannot be resumed from.
        """
        self.watchers: set[Watcher] = set()
        self._run = run
        self._count = 0
        self._history: deque[bytes] = deque(maxlen=history)
        self._ring = ring
        self._heart = LoopingCall(self._beat)
        self._heart.clock = clock

    def publish(self, event: Event) -> None:
        """Pass an event to every watcher."""
        self._count += 1
        frame = encode(event, self._id())
        # Before the watchers, which may reconnect at once with its id if they lag.
        self._history.append(frame)
        for watcher in tuple(self.watchers):
            watcher.take(frame)

    def lost(self, count: int) -> None:
        """Tell every watcher that events were lost before they reached us, and let it reconnect."""
        # With a gap, the history would send a reconnecting watcher events that are not consecutive.
        self._history.clear()
        self._count += count
        for watcher in tuple(self.watchers):
            watcher.lag(count)

    def watch(self, sink: Sink) -> "Watcher":
        """Start a watcher's stream."""
        watcher = Watcher(sink, self._ring, self._forget, self._lagged)
        self.watchers.add(watcher)
        sink.write(f"retry: {RETRY}\n: ccsproxy live events\n\n".encode())
        if not self._heart.running:
            self._heart.start(HEARTBEAT, now=False)
        return watcher

    def replay(self, watcher: "Watcher", last_id: str) -> None:
        """Send a reconnecting watcher what it has missed; if the history does not reach back far enough, say so
        first.

        :param last_id: the id of the last event it received, from `Last-Event-ID`; empty for none.
        """
        if not last_id:
            return
        after = self._number(last_id)
        oldest = self._count + 1 - len(self._history)
        if after is None or after + 1 < oldest:
            watcher.put(self._lagged(None if after is None else oldest - 1 - after, oldest - 1))
            after = oldest - 1
        for frame in islice(self._history, after + 1 - oldest, None):
            watcher.put(frame)

    def stop(self) -> None:
        """End every watcher's stream, because the service stops."""
        for watcher in tuple(self.watchers):
            watcher.close()

    def _number(self, last_id: str) -> int | None:
        """Return the number in one of our ids, None if it is not from this run."""
        run, _, number = last_id.rpartition("-")
        ours = run == self._run and number.isascii() and number.isdigit() and len(number) < 18
        return int(number) if ours and int(number) <= self._count else None

    def _lagged(self, missed: int | None, at: int | None = None) -> bytes:
        return encode({"type": "lagged", "missed": missed}, self._id(at))

    def _id(self, number: int | None = None) -> str:
        return f"{self._run}-{self._count if number is None else number}"

    def _forget(self, watcher: "Watcher") -> None:
        self.watchers.discard(watcher)
        if not self.watchers and self._heart.running:
            self._heart.stop()

    def _beat(self) -> None:
        for watcher in tuple(self.watchers):
            watcher.beat()


@implementer(IPushProducer)
class Watcher:
    """One reader of the live events; paused and resumed by the consumer that it is registered with."""

    def __init__(
        self,
        sink: Sink,
        ring: int,
        forget: Callable[["Watcher"], None],
        lagged: Callable[[int | None], bytes],
    ) -> None:
        self._sink = sink
        self._room = ring
        self._waiting: deque[bytes] = deque()
        self._forget = forget
        self._lagged = lagged
        self._paused = False

    def take(self, frame: bytes) -> None:
        """Write an event, or buffer it while the reader does not read."""
        if not self._paused:
            self._sink.write(frame)
        elif len(self._waiting) < self._room:
            self._waiting.append(frame)
        else:
            self.lag(len(self._waiting) + 1)

    def put(self, frame: bytes) -> None:
        """Write an event of the history, without a limit: the history is bounded, and shared by all that wait for
        it.
        """
        if self._paused:
            self._waiting.append(frame)
        else:
            self._sink.write(frame)

    def lag(self, missed: int | None) -> None:
        """Tell the reader that it misses events, and end its stream."""
        self._sink.write(self._lagged(missed))
        self.close()

    def beat(self) -> None:
        """Write a keep-alive comment."""
        if not self._paused:
            self._sink.write(b": \n\n")

    def close(self) -> None:
        """End the stream of this watcher."""
        self.stopProducing()
        self._sink.end()

    def pauseProducing(self) -> None:
        """Buffer events: the reader does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write what was buffered, until paused again."""
        self._paused = False
        while self._waiting and not self._paused:
            self._sink.write(self._waiting.popleft())

    def stopProducing(self) -> None:
        """Remove the reader: it is gone."""
        self._waiting.clear()
        self._forget(self)


def encode(event: dict[str, Any], event_id: str) -> bytes:
    """Format an event as SSE; JSON contains no line breaks, so it is one data line."""
    name = str(event.get("type") or "message")
    return f"id: {event_id}\nevent: {name}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n"


class EventStream:
    """Turns requests for the live events into watchers."""

    def __init__(self, live: Live, most: int) -> None:
        """Start without streams.

        :param most: the maximum number of streams.
        """
        self._live = live
        self._most = most

    def __call__(self, request: Any) -> None:
        """Start the stream of one reader.

        :raises Refused: if there are too many.
        """
        if len(self._live.watchers) >= self._most:
            message = f"All {self._most} live event streams are in use; close pages or programs that follow them."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_watchers", message, {"Retry-After": "5"})
        request.setHeader(b"content-type", b"text/event-stream")
        # nginx would buffer events until its buffer is full (ngx_http_proxy_module, proxy_buffering).
        request.setHeader(b"x-accel-buffering", b"no")
        last_id = (request.getHeader(b"last-event-id") or b"").decode("latin-1")
        RequestSink(request).begin(self._live, last_id)


class RequestSink:
    """Writes a watcher's stream to a request."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._ended = False

    def begin(self, live: Live, last_id: str) -> None:
        """Let the request's transport pause and resume the watcher."""
        self._request.notifyFinish().addBoth(self._gone)
        watcher = live.watch(self)
        # Before the replay: two thousand events at once are more than a slow reader's socket accepts.
        self._request.registerProducer(watcher, True)
        live.replay(watcher, last_id)

    def write(self, data: bytes) -> None:
        """Write a piece of the event stream to one watcher."""
        if not self._ended:
            self._request.write(data)

    def end(self) -> None:
        """Finish the request and then the connection."""
        if self._ended:
            return
        self._request.unregisterProducer()
        # The reader did not read: what it has not accepted ends with the connection, and not before a next request.
        self._request.channel.persistent = False
        self._request.finish()

    def _gone(self, reason: Failure | None) -> None:
        """The request has ended, or the reader is gone."""
        self._ended = True
