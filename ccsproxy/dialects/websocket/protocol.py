"""The interface of a reader of a WebSocket's messages, and the values it produces."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec

from ccsproxy.wire import jsontext


class ResponseBegun(NamedTuple):
    """An exchange begins.

    :ivar key: identifies it within the connection.
    :ivar body: the JSON text of the message that requested it.
    :ivar previous: the id of the response that it continues; empty for none.
    :ivar before: the key of the exchange that it follows in one conversation; None if unknown.
    :ivar model: the model, if an earlier message named it.
    :ivar left_out: bytes of audio that ``body`` represents only by their size.
    """

    key: int
    body: bytes
    previous: str = ""
    before: int | None = None
    model: str | None = None
    left_out: int = 0


class ResponseMessage(NamedTuple):
    """A message belongs to an exchange.

    :ivar line: a piece of the response as one line; None for a message from the client.
    :ivar left_out: bytes of audio that ``line`` represents only by their size.
    """

    key: int
    line: bytes | None = None
    left_out: int = 0


class Finished(NamedTuple):
    """The last message of an exchange has arrived."""

    key: int


Step = ResponseBegun | ResponseMessage | Finished


class SocketProtocol(Protocol):
    """Divides the messages of one connection. Takes any texts and never raises.

    :ivar name: the dialect's name in records.
    """

    name: str

    def sent(self, text: bytes) -> list[Step]:
        """Take the client's next message."""

    def received(self, text: bytes) -> list[Step]:
        """Take the server's next message."""

    def rest(self) -> list[bytes]:
        """Return the messages that belong to no exchange, when the connection has ended."""


def object_in(text: bytes) -> dict[str, Any]:
    """Return the JSON object in a message; an empty one if there is none."""
    try:
        value = jsontext.loads(text)
    except jsontext.JsonError:
        return {}
    return value if isinstance(value, dict) else {}


def text_of(value: Any, member: str) -> str:
    """Return a member of an object that is a text, an empty one otherwise."""
    found = value.get(member) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def one_line(text: bytes) -> bytes:
    """Return a JSON text without line ends, which occur only between its tokens."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def encoded(value: Any) -> bytes:
    """Write a JSON value."""
    return msgspec.json.encode(value)
