"""The server's end of a WebSocket (RFC 6455), as bytes in and bytes out; handshake and frames are wsproto's."""

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import RemoteProtocolError


class SocketPeer:
    """Answers one client.

    States: opening, open, closed; never back. What is said before it is open or after it is closed is left out.

    :ivar target: path and query of the handshake, empty until it is there.
    :ivar closed: nothing more comes or goes.
    """

    def __init__(self) -> None:
        self._connection = WSConnection(ConnectionType.SERVER)
        self._text: list[str] = []
        self.target = ""
        self.closed = False

    def feed(self, data: bytes) -> tuple[list[str], bytes]:
        """Take bytes of the client's.

        :return: the text messages that they complete, and the bytes that are to be sent for them.
        """
        texts, out = list[str](), b""
        if self.closed or not data:  # to wsproto no bytes are the end of all
            return texts, out
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                out += self._answer(event, texts)
        except RemoteProtocolError as error:
            self.closed = True
            if error.event_hint is not None:
                out += self._connection.send(error.event_hint)
        return texts, out

    def _answer(self, event: Event, texts: list[str]) -> bytes:
        if isinstance(event, Request):
            self.target = event.target
            chosen = event.subprotocols[0] if event.subprotocols else None
            return self._connection.send(AcceptConnection(subprotocol=chosen, extensions=[PerMessageDeflate()]))
        if isinstance(event, TextMessage):
            self._text.append(event.data)
            if event.message_finished:
                texts.append("".join(self._text))
                self._text.clear()
        elif isinstance(event, BytesMessage | Ping):
            return self._connection.send(event.response()) if isinstance(event, Ping) else b""
        elif isinstance(event, CloseConnection):
            self.closed = True
            return self._connection.send(event.response())
        return b""

    def say(self, text: str) -> bytes:
        """Return the bytes of a text message."""
        return b"" if self.closed else self._connection.send(TextMessage(text))

    def close(self, code: int = 1000) -> bytes:
        """Return the bytes that close the connection from this end."""
        if self.closed:
            return b""
        self.closed = True
        return self._connection.send(CloseConnection(code))
