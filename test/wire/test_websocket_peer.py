"""Tests of the server's end of a WebSocket, against wsproto's client."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Pong, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from ccsproxy.wire.websocket_peer import SocketPeer
from test.effort import effort


class Client:
    """A client, and what it has heard."""

    def __init__(self, peer: SocketPeer, deflate: bool = False) -> None:
        self.connection, self.peer = WSConnection(ConnectionType.CLIENT), peer
        self.heard: list[Event] = []
        extensions = [PerMessageDeflate()] if deflate else []
        self.opening = self.connection.send(Request("127.0.0.1", "/v1/responses?a=b", extensions, subprotocols=["x"]))

    def take(self, data: bytes) -> None:
        self.connection.receive_data(data)
        self.heard += self.connection.events()

    def say(self, event: Event) -> list[str]:
        texts, out = self.peer.feed(self.connection.send(event))
        self.take(out)
        return texts

    @property
    def texts(self) -> str:
        return "".join(str(event.data) for event in self.heard if isinstance(event, Message))


class PeerTests(SynchronousTestCase):
    """Handshake, messages both ways, the end."""

    @given(st.booleans(), st.lists(st.integers(0, 300), max_size=9), st.lists(st.text(max_size=40), max_size=4))
    @settings(max_examples=effort(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_at_every_split(self, deflate: bool, cuts: list[int], said: list[str]) -> None:
        """However the bytes come, and with compression or without."""
        peer = SocketPeer()
        client = Client(peer, deflate)
        client.take(self.fed(peer, client.opening, cuts)[1])
        self.assertIsInstance(client.heard[0], AcceptConnection)
        self.assertEqual(peer.target, "/v1/responses?a=b")
        data = b"".join(client.connection.send(TextMessage(text)) for text in said)
        self.assertEqual(self.fed(peer, data, cuts)[0], said)
        for text in said:
            client.take(peer.say(text))
        self.assertEqual(client.texts, "".join(said))

    def fed(self, peer: SocketPeer, data: bytes, cuts: list[int]) -> tuple[list[str], bytes]:
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        found = [peer.feed(data[a:b]) for a, b in pairwise(places)]
        return [text for texts, _ in found for text in texts], b"".join(out for _, out in found)

    def test_pings_and_fragments(self) -> None:
        client = Client(SocketPeer())
        client.take(client.peer.feed(client.opening)[1])
        self.assertEqual(client.say(TextMessage("a", message_finished=False)), [])
        self.assertEqual(client.say(Ping(b"p")), [])
        self.assertIsInstance(client.heard[-1], Pong)
        self.assertEqual(client.say(TextMessage("b")), ["ab"])

    def test_ends(self) -> None:
        """From either end; what is said later is left out."""
        client = Client(SocketPeer())
        client.take(client.peer.feed(client.opening)[1])
        client.take(client.peer.close(1011))
        self.assertEqual((client.heard[-1].code, client.peer.close(), client.peer.say("x")), (1011, b"", b""))  # type: ignore[attr-defined]
        other = Client(SocketPeer())
        other.take(other.peer.feed(other.opening)[1])
        other.say(CloseConnection(1000))
        self.assertTrue(other.peer.closed)

    def test_garbage(self) -> None:
        """No handshake, or no frames: refused, and closed."""
        peer = SocketPeer()
        self.assertIn(b"400", peer.feed(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")[1])
        self.assertTrue(peer.closed)
        client = Client(SocketPeer())
        client.peer.feed(client.opening)
        client.peer.feed(b"\xff" * 40)
        self.assertTrue(client.peer.closed)
