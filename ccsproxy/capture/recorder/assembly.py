"""The assembly of one exchange: collects its frames until they make a record."""

from typing import Any

import attr
import msgspec

from ccsproxy.capture.frames import REQUEST_BODY, Lost
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.headers import media_type, text_of
from ccsproxy.capture.recorder.interfaces import Dialect, Interpreters
from ccsproxy.capture.recorder.request import RequestInMaking
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.capture.recorder.sessions.conversations import Conversation
from ccsproxy.capture.recorder.sessions.labels import labels_of
from ccsproxy.capture.recorder.sessions.stored_answers import StoredAnswers
from ccsproxy.capture.recorder.websocket.connection import SocketFacts
from ccsproxy.clients.purpose import Purpose
from ccsproxy.clients.turns import Turns
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import Client, Process, Started
from ccsproxy.exchange.relayed import RequestHead, ResponseHead

#: A value that no body equals.
_NOTHING = object()


@attr.frozen
class CapturePolicy:
    """How much of an exchange is kept.

    :ivar forced: the dialect family that is forced, empty for none.
    :ivar bodies: whether bodies are kept at all.
    :ivar body_limit: maximum size of a body in bytes.
    :ivar labels: the labels of every record.
    """

    forced: str = ""
    bodies: bool = True
    body_limit: int = 32 << 20
    labels: dict[str, str] = attr.field(factory=dict)


#: Typical ratio of decoded to encoded size of compressed text.
_CODED = 6


class Assembly:
    """Collects one exchange.

    :ivar number: on the link.
    :ivar gate: redacts everything that leaves.
    :ivar seq: its number in its session, 0 until it has one.
    :ivar session_id: empty until it is known.
    :ivar client: the caller, as far as known.
    :ivar process: the calling program; None if unknown.
    :ivar released: it has ended, and its bodies are released.
    :ivar announced: its beginning has been announced.
    :ivar waits: its session depends on the calling program, which is awaited.
    :ivar place: its recognised conversation, its turns and its purpose; None if there is none.
    :ivar faults: errors in capturing it.
    :ivar dialect: the kind of call, as far as known.
    :ivar stored: the answers without usage.
    :ivar socket: the additional properties of an exchange over a WebSocket.
    """

    socket: SocketFacts | None = None

    def __init__(
        self,
        number: int,
        head: RequestHead,
        policy: CapturePolicy,
        interpreters: Interpreters,
        gate: RedactionGate,
        budget: MemoryBudget,
        stored: StoredAnswers,
    ) -> None:
        """Start with the head.

        :param stored: the answers without usage.
        """
        self.number, self.head, self.gate = number, head, gate
        self.seq, self.session_id = 0, ""
        self.client = Client()
        self.faults: list[str] = []
        self.process: Process | None = None
        self.labels = labels_of(policy.labels, head, gate.label)
        self.waits = self.released = self.announced = False
        self.place: tuple[Conversation, Turns, Purpose | None] | None = None
        self.request = RequestInMaking(head, policy.body_limit, budget)
        self.response: ResponseInMaking | None = None
        self.policy, self._interpreters, self._budget, self.stored = policy, interpreters, budget, stored
        self.dialect: Dialect | None = None
        self._asked_with: Any = _NOTHING

    def identify(self, body: Any) -> str | None:
        """Identify the caller.

        :param body: the parsed request body; None if unknown.
        :return: the session that the client names.
        """
        # Called at the head, at the answer and at the end, mostly with the same body, for which the result is cached.
        if body is self._asked_with:
            return self.client.session
        self._asked_with = body
        try:
            client = self._interpreters.identify(self.request.lines.raw, self.head.target, body)
            self.client = client if self.process is None else msgspec.structs.replace(client, process=self.process)
        except Exception:
            self.note("identity_failed")
        return self.client.session

    def called_by(self, process: Process, labels: dict[str, str]) -> None:
        """Store the calling program, and the labels that its launcher set."""
        self.process, self.labels = process, {**self.labels, **labels}
        self.client = msgspec.structs.replace(self.client, process=process)

    def understand(self, body: Any) -> Dialect | None:
        """Determine the kind of call from everything known so far."""
        try:
            self.dialect = self._interpreters.detect(self.facts(body))
        except Exception:
            self.note("dialect_failed")
        return self.dialect

    @property
    def category(self) -> str:
        """The kind of call, as far as known."""
        return str(self.dialect.category) if self.dialect is not None else Category.OTHER

    def facts(self, body: Any) -> Facts:
        """Return the known facts."""
        response, socket = self.response, self.socket
        return Facts(
            provider=self.head.provider,
            forced=self.policy.forced,
            method=self.head.method if socket is None else b"POST",
            socket=socket.dialect if socket is not None else "",
            model=socket.model if socket is not None else None,
            target=self.head.forwarded_target or self.head.target,
            request_body=body,
            status=response.head.status if response is not None else None,
            content_type=media_type(response.lines) if response is not None else "",
            field=response.lines.field if response is not None else NOTHING.field,
        )

    def response_begun(self, head: ResponseHead, body: Any) -> None:
        """Process the head of the response, and choose the reader of its body.

        :param body: the parsed request body; None if unknown.
        """
        self.response = ResponseInMaking(head, self.policy.body_limit, self._budget)
        dialect = self.understand(body)
        if dialect is not None:
            self.response.read_with(dialect.reader(self.facts(body)), self.gate.watcher())
        # Without a length it is a stream: it stays open for minutes, and a thousand of them are open at once.
        if not self.response.lines.field("content-length"):
            self._wait_long()

    def _wait_long(self) -> None:
        """Release what can be parsed again: a stream may last for minutes, and there may be a thousand."""
        self.request.lines.forget()
        self.gate.wait_long()
        if self.response is not None:
            self.response.lines.forget()

    def lost(self, loss: Lost) -> None:
        """Note that body bytes are missing from here on."""
        if loss.direction == REQUEST_BODY:
            self.request.body.lost(loss.reason)
        elif self.response is not None:
            self.response.lost(loss.reason)
        else:
            self.note(loss.reason)

    def say(self, line: bytes, at: int) -> None:
        """Process a piece of the response over a WebSocket, and its arrival in microseconds."""
        if self.response is not None:
            self.response.feed(line, at)

    def ask(self, line: bytes) -> None:
        """Take a further piece of the request over a WebSocket."""
        self.request.body.feed(line)

    def miss(self, fault: str) -> None:
        """Note that a part of the response over a WebSocket is missing."""
        if self.response is not None:
            self.response.lost(fault)

    def note(self, fault: str) -> None:
        """Remember a fault, once."""
        if fault not in self.faults:
            self.faults.append(fault)

    def release(self) -> None:
        """Release the bodies and their share of the memory budget."""
        self.released = True
        self.request.body.release()
        if self.response is not None:
            self.response.body.release()

    def started(self) -> Started:
        """Return the line that announces it, not redacted yet and without header lines."""
        dialect, head = self.dialect, self.head
        return Started(
            id=head.id,
            seq=self.seq,
            session_id=self.session_id,
            started_at=iso_time(head.started_at),
            upstream=head.upstream,
            dialect=dialect.name if dialect is not None else None,
            category=self.category,
            model=dialect.model if dialect is not None else None,
            client=self.client,
            method=text_of(head.method),
            path=text_of(head.target),
            headers={},
            upstream_url=head.upstream_url or None,
            connection=head.connection or None,
            transport=head.transport,
            labels=self.labels,
        )

    @property
    def size(self) -> int:
        """The approximate decoded size of the bodies, which determines the cost of recording."""
        bodies = [self.request.body, *([] if self.response is None else [self.response.body])]
        return sum(body.size * (_CODED if body.coding else 1) for body in bodies)
