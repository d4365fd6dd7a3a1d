"""A recorded WebSocket: both directions are parsed into messages, and each response of a model becomes an exchange.

The relay reports one exchange for the whole connection. Here it is divided into one exchange per response. Messages
that belong to none of them, or are of an unknown protocol, form one exchange with the messages unchanged. A
connection without messages leaves one record as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attr
import msgspec

from ccsproxy.capture.frames import RESPONSE_BODY, EndFrame, Lost
from ccsproxy.capture.recorder.headers import HeaderLines
from ccsproxy.capture.recorder.websocket.endings import cut_short, exchange_ending, refined
from ccsproxy.dialects.websocket.choose import by_message, by_path
from ccsproxy.dialects.websocket.protocol import (
    Finished,
    ResponseBegun,
    ResponseMessage,
    SocketProtocol,
    Step,
    one_line,
)
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead
from ccsproxy.wire.websocket import MessageReader, SocketMessage

#: The dialect of messages that belong to no response.
OTHER = "generic"
DAMAGED = "websocket_damaged"
_TEXTS = ("text", "binary")
#: Maximum number of frames listed in an exchange.
_MOST_FRAMES = 20_000


@attr.define
class SocketFacts:
    """The properties that an exchange over a WebSocket has in addition to one over HTTP.

    :ivar dialect: the protocol's dialect.
    :ivar model: the model, if an earlier message named it.
    :ivar subprotocol: the negotiated subprotocol; None for none.
    :ivar before: the seq of the exchange that this one follows; None if unknown.
    :ivar frames: for each frame the milliseconds since the exchange began, ``in`` from the server or ``out`` from the
        client, and the bytes of its payload.
    :ivar left_out: bytes of audio that were not kept.
    """

    dialect: str
    model: str | None = None
    subprotocol: str | None = None
    before: int | None = None
    frames: list[tuple[float, str, int]] = attr.field(factory=list)
    left_out: int = 0


class SocketExchange(Protocol):
    """The exchange that the recorder opens for a response."""

    number: int
    seq: int

    def say(self, line: bytes, at: int) -> None:
        """Process a piece of the response, and its arrival in microseconds since the exchange began."""

    def ask(self, line: bytes) -> None:
        """Take a further piece of the request."""

    def note(self, fault: str) -> None:
        """Remember a fault of the connection."""

    def miss(self, fault: str) -> None:
        """Note that a part of the response is missing, so that its end is unreliable."""


@attr.define
class _Open:
    """An open exchange.

    :ivar began: when it began, in microseconds since the connection did.
    :ivar first: when the first piece of its response arrived, on the same scale.
    :ivar last: when its latest message arrived.
    """

    exchange: SocketExchange
    facts: SocketFacts
    began: int
    sent: int
    first: int | None = None
    last: int = 0
    received: int = 0


#: Opens an exchange, given its head, the head of its response, the body of its request, and its properties.
OpenExchange = Callable[[RequestHead, ResponseHead, bytes, SocketFacts], SocketExchange]
#: Ends an exchange.
FinishExchange = Callable[[SocketExchange, EndFrame], None]


class WebSocketInMaking:
    """Parses one connection from its 101 response on.

    Frames that belong to no exchange are attributed to the open one, or to the next one.

    :param head: of the handshake; its id is the first exchange's.
    :param new_id: creates the ids of further exchanges.
    :param limit: maximum size of a message in bytes.
    """

    def __init__(
        self,
        head: RequestHead,
        answer: ResponseHead,
        limit: int,
        new_id: Callable[[], str],
        open_exchange: OpenExchange,
        finish: FinishExchange,
    ) -> None:
        self._head, self._answer = head, answer
        self._new_id, self._open_exchange, self._finish = new_id, open_exchange, finish
        lines = HeaderLines(answer.lines)
        extensions, self._subprotocol = lines.field("sec-websocket-extensions"), lines.field("sec-websocket-protocol")
        self._sent = MessageReader(from_client=True, extensions=extensions, limit=limit)
        self._received = MessageReader(from_client=False, extensions=extensions, limit=limit)
        self._protocol: SocketProtocol | None = by_path(head.target)
        self._open: dict[int, _Open] = {}
        self._seqs: dict[int, SocketExchange] = {}
        self._log: _Open | None = None
        self._frames: list[tuple[int, str, int]] = []
        self._faults: list[str] = []
        self._begun = 0
        self._closed: dict[str, bytes] = {}

    # -- what is read --------------------------------------------------------------------------------------------

    def sent(self, data: bytes, at: int) -> None:
        """Process bytes from the client, and their arrival in microseconds since the connection began."""
        for message in self._sent.feed(data, at):
            self._take(message, "out", at)

    def received(self, data: bytes, at: int) -> None:
        """Take bytes of the server's."""
        for message in self._received.feed(data, at):
            self._take(message, "in", at)

    def lost(self, loss: Lost) -> None:
        """Note that bytes are missing in one direction; what follows there cannot be parsed."""
        reader = self._received if loss.direction == RESPONSE_BODY else self._sent
        # Frames have no marks by which one could find the next one after a gap.
        reader.damaged = True
        self._note(loss.reason)
        if loss.direction == RESPONSE_BODY:
            self._miss(loss.reason)

    def give_up(self, fault: str) -> None:
        """Stop parsing after an error."""
        self._sent.damaged = self._received.damaged = True
        self._note(fault)

    def _take(self, message: SocketMessage, direction: str, at: int) -> None:
        steps: list[Step] = []
        if message.kind == "close":
            self._closed.setdefault(direction, message.data)
        if not message.whole:
            self._note("body_limit")
        elif message.kind in _TEXTS:
            steps = self._divide(message, direction, at)
        self._add_frames(message, direction, steps)
        for step in steps:
            if isinstance(step, Finished):
                self._end(step.key)

    def _divide(self, message: SocketMessage, direction: str, at: int) -> list[Step]:
        # By the first message of the client's alone: later ones of a protocol that is unknown may look like anything.
        if self._protocol is None and self._log is None and direction == "out":
            self._protocol = by_message(message.data)
        if self._protocol is None:
            self._log_message(message, direction, at)
            return []
        divide = self._protocol.sent if direction == "out" else self._protocol.received
        steps = divide(message.data)
        for step in steps:
            self._act(step, at)
        return steps

    def _act(self, step: Step, at: int) -> None:
        if isinstance(step, ResponseBegun):
            self._begin(step, at)
        elif isinstance(step, ResponseMessage) and step.key in self._open:
            self._say(self._open[step.key], step, at)

    # -- exchanges -----------------------------------------------------------------------------------------------

    def _begin(self, begun: ResponseBegun, at: int) -> None:
        name = self._protocol.name if self._protocol is not None else OTHER
        facts = SocketFacts(name, begun.model, self._subprotocol or None, left_out=begun.left_out)
        if begun.before is not None and begun.before in self._seqs:
            facts.before = self._seqs[begun.before].seq or None
        self._open[begun.key] = self._new(facts, begun.body, at)
        self._seqs[begun.key] = self._open[begun.key].exchange

    def _new(self, facts: SocketFacts, body: bytes, at: int) -> _Open:
        # The first one is the exchange that the journal and the relay know of.
        exchange_id = self._new_id() if self._begun else self._head.id
        self._begun += 1
        started = self._head.started_at + at / 1e6
        head = msgspec.structs.replace(self._head, id=exchange_id, started_at=started)
        facts.frames += [(0.0, direction, size) for _, direction, size in self._frames]
        self._frames = []
        made = _Open(self._open_exchange(head, self._answer, body, facts), facts, at, len(body), last=at)
        for fault in self._faults:
            made.exchange.note(fault)
        return made

    def _say(self, one: _Open, said: ResponseMessage, at: int) -> None:
        one.last = at
        one.facts.left_out += said.left_out
        if said.line is not None:
            one.first = at if one.first is None else one.first
            line = said.line + b"\n"
            one.received += len(line)
            one.exchange.say(line, at - one.began)

    def _add_frames(self, message: SocketMessage, direction: str, steps: list[Step]) -> None:
        """Count a message's frames to the exchange it belongs to."""
        keys = [step.key for step in steps if not isinstance(step, Finished)] or list(self._open)
        one = next((self._open[key] for key in keys if key in self._open), self._log)
        for at, size in message.frames:
            if one is None:
                self._frames.append((at, direction, size))
            # A voice call of an hour has a hundred thousand frames; each is a line in the record.
            elif len(one.facts.frames) < _MOST_FRAMES:
                one.facts.frames.append((round(max(0, at - one.began) / 1e3, 3), direction, size))
            else:
                one.exchange.note("frames_limit")

    def _end(self, key: int, ending: Ending | None = None) -> None:
        one = self._open.pop(key, None)
        if one is not None:
            self._finish(one.exchange, _end_frame(one, ending))

    def _note(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults.append(fault)
        for one in (*self._open.values(), *([self._log] if self._log is not None else [])):
            one.exchange.note(fault)

    def _miss(self, fault: str) -> None:
        for one in self._open.values():
            one.exchange.miss(fault)

    # -- messages that belong to no response ---------------------------------------------------------------------

    def _log_message(self, message: SocketMessage, direction: str, at: int) -> None:
        """Keep a message unchanged; of a binary one, only its occurrence."""
        if self._log is None:
            self._log = self._new(SocketFacts(OTHER, subprotocol=self._subprotocol or None), b"", 0)
        if message.kind == "text":
            line = one_line(message.data)
            if direction == "out":
                self._log.sent += len(line) + 1
                self._log.exchange.ask(line + b"\n")
            else:
                self._say(self._log, ResponseMessage(0, line), at)

    # -- the end -------------------------------------------------------------------------------------------------

    def ended(self, ended: EndFrame) -> None:
        """End the exchanges that are still open, because the connection ended."""
        if self._sent.damaged or self._received.damaged:
            self._note(DAMAGED)
        if self._received.damaged:
            self._miss(DAMAGED)
        ending = refined(ended.ending, self._closed)
        early = ending if self._received.damaged else cut_short(ending, self._closed)
        for key in list(self._open):
            self._end(key, early)
        rest = self._protocol.rest() if self._protocol is not None else []
        if self._log is None and (rest or not self._begun):
            self._log = self._new(SocketFacts(OTHER, subprotocol=self._subprotocol or None), b"", 0)
        if self._log is not None:
            for line in rest:
                self._say(self._log, ResponseMessage(0, one_line(line)), ending.at)
            self._finish(self._log.exchange, _end_frame(self._log, ending))
            self._log = None


def _end_frame(one: _Open, ending: Ending | None) -> EndFrame:
    """Create an exchange's end frame.

    :param ending: the connection's; None if the exchange ended by itself.
    """
    whole = ending is None or (ending.outcome == Outcome.COMPLETE and one.facts.dialect == OTHER)
    times, sizes = (one.began, one.first, one.last), (one.sent, one.received)
    return EndFrame(exchange_ending(times, sizes, ending, whole=whole, later=one.began > 0), *sizes)
