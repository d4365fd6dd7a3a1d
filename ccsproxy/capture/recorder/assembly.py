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

#: What no body is.
_NOTHING = object()


@attr.frozen
class CapturePolicy:
    """How much of an exchange is kept.

    :ivar forced: the dialect family that is forced, empty for none.
    :ivar bodies: whether bodies are kept at all.
    :ivar body_limit: how much of one, in bytes.
    :ivar labels: what every record is labelled with.
    """

    forced: str = ""
    bodies: bool = True
    body_limit: int = 32 << 20
    labels: dict[str, str] = attr.field(factory=dict)


#: How much longer than on the wire text mostly is that came in a content coding.
_CODED = 6


class Assembly:
    """Collects one exchange.

    :ivar number: on the link.
    :ivar gate: what leaves goes through it.
    :ivar seq: its number in its session, 0 until it has one.
    :ivar session_id: empty until it is known.
    :ivar client: who calls, as far as it is known.
    :ivar process: the program that calls, None where that is not known.
    :ivar released: its bodies are let go of; it is over.
    :ivar announced: others have heard that it has begun.
    :ivar waits: its session waits for the program that calls.
    :ivar place: the conversation of ours that it belongs to, its turns and its purpose; None where there is none.
    :ivar faults: what went wrong in capturing it.
    :ivar dialect: what kind of call it is, as far as it is known.
    :ivar stored: the answers that were begun and not counted.
    :ivar socket: what it has beside, where it is an exchange over a WebSocket.
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
        """Begin with the head.

        :param stored: the answers that were begun and not counted.
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
        """Ask who calls.

        :param body: the parsed request body, None when it is not known.
        :return: the session that the client names.
        """
        # Asked at the head, at the answer and at the end, mostly with the same body: who calls is read from it once.
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
        """Take the program that calls, and what its launcher labels its calls with."""
        self.process, self.labels = process, {**self.labels, **labels}
        self.client = msgspec.structs.replace(self.client, process=process)

    def understand(self, body: Any) -> Dialect | None:
        """Ask what kind of call it is, anew with everything that is known by now."""
        try:
            self.dialect = self._interpreters.detect(self.facts(body))
        except Exception:
            self.note("dialect_failed")
        return self.dialect

    @property
    def category(self) -> str:
        """The kind of call, as far as it is known."""
        return str(self.dialect.category) if self.dialect is not None else Category.OTHER

    def facts(self, body: Any) -> Facts:
        """Return what is known."""
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
        """Take the head of the response, and choose who reads its body.

        :param body: the parsed request body, None when it is not known.
        """
        self.response = ResponseInMaking(head, self.policy.body_limit, self._budget)
        dialect = self.understand(body)
        if dialect is not None:
            self.response.read_with(dialect.reader(self.facts(body)), self.gate.watcher())
        # Without a length it is a stream: it stays open for minutes, and a thousand of them are open at once.
        if not self.response.lines.field("content-length"):
            self._wait_long()

    def _wait_long(self) -> None:
        """Let go of what can be read again: a stream may last for minutes, and a thousand of them at once."""
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
        """Take a piece of the response over a WebSocket, and when it came, in microseconds."""
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
        """Let go of the bodies."""
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
        """About how many bytes the bodies have, which is what recording them takes; of coded ones a guess."""
        bodies = [self.request.body, *([] if self.response is None else [self.response.body])]
        return sum(body.size * (_CODED if body.coding else 1) for body in bodies)
