"""Stand-ins for the other rooms: a store in memory, one made-up dialect, a redactor that knows one secret."""

from collections.abc import Sequence
from typing import Any

import attr
from twisted.internet.defer import Deferred, fail, succeed

from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.facts import Facts
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import Client, Error, Record, Started
from ccsproxy.exchange.relayed import RawHeaders
from ccsproxy.redaction.report import SecretReport


class MemoryUncounted:
    """Keeps names in memory; `broken` refuses to remove them, as a full disk does."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.broken = False

    def names(self) -> list[str]:
        return list(self.kept)

    def add(self, names: Sequence[str]) -> None:
        self.kept += names

    def remove(self, name: str) -> bool:
        if not self.broken and name in self.kept:
            self.kept.remove(name)
        return not self.broken


class MemoryStore:
    """A store that keeps everything in memory.

    :ivar held: set to a list to make `append` wait; fire its Deferreds to go on.
    """

    def __init__(self) -> None:
        self.uncounted = MemoryUncounted()
        self.begun: list[Started] = []
        self.records: list[Record] = []
        self.held: list[Deferred[None]] | None = None
        self.refusal: Exception | None = None
        self.last: dict[str, int] = {}
        self.closed = False
        self.alive: dict[str, Any] | None = None

    def open(self, alive: Any) -> Deferred[Any]:
        self.alive = dict(alive)
        return succeed(None)

    def last_seq(self, session_id: str) -> int:
        return self.last.get(session_id, 0)

    def started(self, started: Started) -> None:
        self.begun.append(started)
        self.last[started.session_id] = max(self.last_seq(started.session_id), started.seq)

    def append(self, record: Record) -> Deferred[None]:
        if self.refusal is not None:
            return fail(self.refusal)
        self.records.append(record)
        if self.held is None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self.held.append(waiting)
        return waiting

    def health(self) -> dict[str, Any]:
        return {"state": "ok"}

    def recreate_data_dir(self) -> None:
        """Nobody removes what there is not."""

    def close(self) -> Deferred[None]:
        self.closed = True
        return succeed(None)


class LineReader:
    """Reads a made-up dialect: text lines, ``end`` the terminal one, ``error`` an error event."""

    def __init__(self, stream: bool) -> None:
        self.text, self.first, self.stream = b"", None, stream

    @property
    def timed(self) -> bool:
        return self.first is not None

    def feed(self, data: bytes, at_ms: float) -> None:
        if self.first is None:
            self.first = at_ms
        self.text += data

    def borrow(self, kept: Any) -> None:
        """Keep the bytes all the same."""

    def overflow(self) -> None:
        """Read on all the same."""

    def finish(self, whole: bool, at_ms: float | None = None) -> DecodedResponse:
        lines = self.text.decode("utf-8", "replace").splitlines()
        return DecodedResponse(
            dialect="lines",
            body={"lines": [line for line in lines if line != "end"]},
            stream_kind="sse" if self.stream else None,
            frames=len(lines),
            complete="end" in lines,
            error=Error("overloaded", "too much") if "error" in lines else None,
            first_token_ms=self.first,
        )


@attr.frozen
class LineDialect:
    """The made-up dialect."""

    model: str | None
    name: str = "lines"
    category: str = Category.MODEL

    def reader(self, facts: Facts) -> LineReader:
        return LineReader(facts.content_type == "text/event-stream")


def detect(facts: Facts) -> LineDialect:
    """Every exchange speaks the made-up dialect."""
    return LineDialect(facts.request_member("model"))


def identify(headers: RawHeaders, target: bytes, body: Any) -> Client:
    """The header ``session`` names the session, or the body's member of that name."""
    named = dict(headers).get(b"session")
    session = named.decode() if named else body.get("session") if isinstance(body, dict) else None
    return Client(name="test", session=session)


MEANING = Interpreters(detect, identify)


class Stars:
    """A redactor that knows one secret."""

    known = 1

    def __init__(self):
        self.report = SecretReport()

    def headers(self, pairs, where):
        return [(name, self.text(value, where)) for name, value in pairs]

    def target(self, target, where):
        return self.text(target, where)

    def tree(self, value, where):
        if isinstance(value, dict):
            return {key: self.tree(item, where) for key, item in value.items()}
        if isinstance(value, list):
            return [self.tree(item, where) for item in value]
        return self.text(value, where) if isinstance(value, str) else value

    def text(self, text, where):
        for _ in range(text.count("hunter2")):
            self.report.note("password", where, "f00d")
        return text.replace("hunter2", "<redacted>")

    def holds_none(self, texts):
        return not any("hunter2" in text for text in texts)

    form = text

    def binary(self, body, where):
        return self.text(body.decode("latin-1"), where).encode("latin-1")

    def gathering(self):
        return None

    def stream(self, text, kind, gathered, where):
        return self.text(text, where)
