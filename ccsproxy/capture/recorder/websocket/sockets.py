"""The WebSockets among the exchanges: each is one exchange on the link and any number of records."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import attr
import msgspec

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Frame
from ccsproxy.capture.recorder.websocket.connection import (
    OpenExchange,
    SocketExchange,
    SocketFacts,
    WebSocketInMaking,
)
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import RequestHead, ResponseHead

#: The bit that marks a number as the recorder's own: a relay counts its exchanges from 1.
OWN = 1 << (frames.RELAY_SHIFT - 1)


@attr.define
class _OnLink:
    """One connection as the relay reports it.

    :ivar head: the frame that announced it, until the upstream has answered.
    :ivar reading: its messages, once the upstream has changed the protocol.
    :ivar pending: the numbers of its exchanges that the store has not settled.
    :ivar stored: one of them is stored.
    :ivar reason: why one was dropped.
    :ivar ended: no more of it comes.
    """

    number: int
    announced: RequestHead
    head: Frame | None
    reading: WebSocketInMaking | None = None
    pending: set[int] = attr.field(factory=set)
    stored: bool = False
    reason: str = ""
    ended: bool = False


class Sockets:
    """Separates WebSocket connections from ordinary exchanges.

    A connection is reported to the relay as settled when all its exchanges are: as stored if one of them is, because
    the faults of its records report any loss.

    :param limit: maximum size of a message in bytes.
    :param ids: creates the ids of further exchanges.
    :param again: processes the frames of a connection whose upstream declined, as an ordinary exchange.
    :param open_exchange: opens an exchange under a number.
    :param finish: ends one.
    :param settled: called with the number of a connection, and why it was dropped; None if it is stored.
    """

    def __init__(
        self,
        limit: int,
        ids: IdSource,
        again: Callable[[Frame], None],
        open_exchange: Callable[[int, RequestHead, ResponseHead, bytes, SocketFacts], SocketExchange],
        finish: Callable[[SocketExchange, EndFrame], None],
        settled: Callable[[int, str | None], None],
    ) -> None:
        self._limit, self._ids, self._again = limit, ids, again
        self._open_exchange, self._finish, self._settled = open_exchange, finish, settled
        self._count = count(1)
        self._on_link: dict[int, _OnLink] = {}
        self._owners: dict[int, _OnLink] = {}

    def begin(self, frame: Frame, head: RequestHead, *, renamed: bool) -> None:
        """Process the beginning of a connection.

        :param renamed: its id belongs to an exchange that is already stored, so the rest of it needs another id.
        """
        if frame.exchange not in self._on_link:
            head = msgspec.structs.replace(head, id=self._ids.new_id()) if renamed else head
            self._on_link[frame.exchange] = _OnLink(frame.exchange, head, frame)

    def take(self, frame: Frame) -> bool:
        """Process a frame if it belongs to a connection; return whether it does."""
        one = self._on_link.get(frame.exchange)
        if one is None:
            return False
        if one.reading is not None:
            self._read(one, one.reading, frame)
        elif frame.kind == frames.RESPONSE_HEAD:
            self._answered(one, frame)
        elif frame.kind == frames.END:
            self._declined(one, frame)
        return True

    def settle(self, number: int, reason: str | None) -> bool:
        """Note that an exchange is stored, or why it is not; return whether it was one of a connection."""
        one = self._owners.pop(number, None)
        if one is None:
            return False
        one.pending.discard(number)
        one.stored |= reason is None
        one.reason = reason or one.reason
        self._check(one)
        return True

    def give_up(self, frame: Frame, fault: str) -> None:
        """Stop parsing a connection; its exchanges are recorded as far as they are known."""
        one = self._on_link.get(frame.exchange)
        if one is None:
            return
        if one.reading is not None:
            one.reading.give_up(fault)
        if frame.kind == frames.END or one.reading is None:
            one.ended, one.reason = True, "error"
            self._check(one)

    def cut(self, ended: EndFrame, relay: int | None = None) -> None:
        """End every connection.

        :param relay: only those of this relay; None for all.
        """
        for one in list(self._on_link.values()):
            # One that has ended waits for the store alone: ended again, it would leave a second record.
            if one.ended or (relay is not None and one.number >> frames.RELAY_SHIFT != relay):
                continue
            if one.reading is not None:
                self._over(one, one.reading, ended)
            else:
                payload = frames.encode(ended)
                self._declined(one, Frame(frames.END, one.number, 0, payload))

    def _answered(self, one: _OnLink, frame: Frame) -> None:
        answer = frames.read_response_head(frame.payload)
        # Declined: it is an ordinary exchange, whose head was held here until the response.
        if answer.status != 101:
            self._declined(one, frame)
            return
        one.head = None
        opening: OpenExchange = lambda *arguments: self._opened(one, *arguments)  # noqa: E731 - bound to one connection
        one.reading = WebSocketInMaking(one.announced, answer, self._limit, self._ids.new_id, opening, self._finish)

    def _declined(self, one: _OnLink, frame: Frame) -> None:
        """Let an ordinary exchange be one."""
        del self._on_link[one.number]
        if one.head is not None:
            plain = msgspec.structs.replace(one.announced, transport="http")
            self._again(one.head._replace(payload=msgspec.msgpack.encode(plain)))
        self._again(frame)

    def _opened(
        self, one: _OnLink, head: RequestHead, answer: ResponseHead, body: bytes, facts: SocketFacts
    ) -> SocketExchange:
        relay = one.number >> frames.RELAY_SHIFT << frames.RELAY_SHIFT
        # Numbers of one relay that it never gives itself: it counts up from 1, and this bit is half its range away.
        number = relay | OWN | next(self._count)
        one.pending.add(number)
        self._owners[number] = one
        return self._open_exchange(number, head, answer, body, facts)

    def _read(self, one: _OnLink, reading: WebSocketInMaking, frame: Frame) -> None:
        if frame.kind == frames.REQUEST_BODY:
            reading.sent(frame.payload, frame.at)
        elif frame.kind == frames.RESPONSE_BODY:
            reading.received(frame.payload, frame.at)
        elif frame.kind == frames.LOST:
            reading.lost(frames.read_lost(frame.payload))
        elif frame.kind == frames.END:
            self._over(one, reading, frames.read_end(frame.payload))

    def _over(self, one: _OnLink, reading: WebSocketInMaking, ended: EndFrame) -> None:
        reading.ended(ended)
        one.ended = True
        self._check(one)

    def _check(self, one: _OnLink) -> None:
        # Only when all of its exchanges are with the store: the relay gives the log of the connection up with this
        # word.
        if one.ended and not one.pending and self._on_link.pop(one.number, None) is not None:
            self._settled(one.number, None if one.stored else one.reason or "error")
