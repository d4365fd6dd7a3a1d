"""Byte identity: what one side sends arrives at the other side, except for the documented differences."""

import os

import attr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread

from test.integration.harness import Peer, ProxiedTestCase
from test.integration.messages import Message, Pairs, chunks

EXAMPLES = int(os.environ.get("CCSPROXY_EXAMPLES", "600"))
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VISIBLE = bytes(range(0x21, 0x7F))
TEXT = b"\t " + VISIBLE + bytes(range(0x80, 0x100))
#: Fields that decide about the connection; docs/architecture.md lists what becomes of them.
HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
DECIDING = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"origin", b"sec-fetch-site"}


def some(alphabet: bytes, low: int, high: int) -> st.SearchStrategy[bytes]:
    """Draw bytes of an alphabet; by a table, which is much faster than drawing each of them."""
    table = bytes(alphabet[place % len(alphabet)] for place in range(256))
    return st.binary(min_size=low, max_size=high).map(lambda data: data.translate(table))


def recased(name: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(0, 2 ** len(name) - 1).map(
        lambda bits: bytes(c ^ 0x20 if bits >> i & 1 and chr(c).isalpha() else c for i, c in enumerate(name))
    )


KNOWN = [
    *(b"accept accept-encoding authorization x-api-key user-agent cookie set-cookie content-type").split(),
    *(b"content-encoding date server etag link vary x-request-id anthropic-beta via x-forwarded-for").split(),
    *(b"location www-authenticate alt-svc cache-control range age content-md5 x-ratelimit-limit").split(),
]
NAMES = st.one_of(
    st.sampled_from(KNOWN).flatmap(recased),
    some(TOKEN, 1, 12).filter(lambda name: name.lower() not in DECIDING),
)
VALUES = st.one_of(
    st.sampled_from([b"", b"gzip", b"br, zstd", b"a=b; Path=/", b'W/"x"', b"text/event-stream", b"a, , b"]),
    some(TEXT, 0, 24).map(lambda value: value.strip(b" \t")),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
HOP = st.lists(
    st.sampled_from(
        [
            (b"Connection", b"keep-alive"),
            (b"connection", b"X-Hop, keep-alive"),
            (b"x-hOP", b"only for you"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Proxy-Connection", b"keep-alive"),
            (b"TE", b"trailers"),
            (b"Trailer", b"X-Sum"),
            (b"Connection", b"Content-Type, Authorization"),
        ]
    ),
    max_size=2,
)
BODY = st.one_of(st.just([]), st.lists(st.binary(min_size=1, max_size=60), max_size=5), st.just([b"z" * 70_000]))
TARGET = st.one_of(
    st.sampled_from(
        [
            b"/",
            b"//",
            b"/?",
            b"/v1/messages?beta=true",
            b"/%2F%2e%2e/..",
            b"/a/../b/./c",
            b"/;a=b;c",
            b'/[]|{}<>"^`\\',
        ]
    ),
    some(VISIBLE, 0, 40).map(lambda rest: b"/" + rest),
)
METHODS = st.one_of(
    st.sampled_from(
        [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"PROPFIND", b"post", b"M-SEARCH"]
    ),
    some(TOKEN, 1, 10).filter(lambda method: method.upper() not in (b"CONNECT", b"TRACE")),
)
REASONS = st.one_of(st.sampled_from([b"OK", b"", b"Not  Found ", b"caf\xe9"]), some(TEXT, 0, 20))
PLACE, CUT = st.integers(0, 9), st.sampled_from([1, 1, 2, 5])
STATUSES = st.one_of(st.sampled_from([200, 201, 204, 304, 302, 400, 401, 429, 500, 529]), st.integers(200, 599))


@attr.frozen
class Side:
    """One message to send.

    :ivar framing: ``length``, ``chunked`` or ``none``.
    :ivar place: which line its framing's is.
    :ivar cut: into how many pieces it is cut for sending.
    """

    first: bytes
    headers: Pairs
    pieces: list[bytes]
    framing: str
    place: int
    cut: int

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def written(self, fields: Pairs, *, bodiless: bool = False) -> bytes:
        """Write it, its own fields and those of its framing."""
        framed = list(fields)
        if self.framing == "chunked":
            framed.insert(self.place % (len(framed) + 1), (b"Transfer-Encoding", b"chunked"))
        elif self.framing == "length":
            framed.insert(self.place % (len(framed) + 1), (b"Content-LENGTH", b"%d" % len(self.body)))
        head = b"".join(b"%b: %b\r\n" % pair for pair in framed)
        body = b"" if bodiless else chunks(*self.pieces) if self.framing == "chunked" else self.body
        return self.first + b"\r\n" + head + b"\r\n" + body


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[bytes, Side, Side]:
    """Draw a request and its response."""
    method = draw(METHODS)
    target = draw(TARGET)
    pieces = draw(BODY)
    framing = draw(st.sampled_from(["length", "chunked"] if pieces else ["none", "length", "chunked"]))
    headers = draw(HEADERS) + draw(HOP)
    request = Side(b"%b %b HTTP/1.1" % (method, target), headers, pieces, framing, draw(PLACE), draw(CUT))
    status = draw(STATUSES)
    answer = Side(
        b"HTTP/1.1 %d %b" % (status, draw(REASONS)),
        draw(HEADERS) + draw(HOP),
        [] if status in (204, 304) else draw(BODY),
        "none" if status in (204, 304) else draw(st.sampled_from(["length", "chunked"])),
        draw(PLACE),
        draw(CUT),
    )
    return method, request, answer


async def send_cut(peer: Peer, data: bytes, pieces: int) -> None:
    """Send in some pieces, each in a reactor turn of its own."""
    step = -(-len(data) // pieces)
    for start in range(0, len(data), step):
        if start:
            await deferLater(reactor, 0)
        peer.send(data[start : start + step])


def expected(pairs: Pairs) -> Pairs:
    """Return the header lines that reach the other side, as docs/architecture.md lists them."""
    nominated = (
        {b"x-hop"} if any(value.startswith(b"X-Hop") for name, value in pairs if name == b"connection") else set()
    )
    gone = HOP_BY_HOP | nominated
    return [(name, value) for name, value in pairs if name.lower() not in gone]


class IdentityTests(ProxiedTestCase):
    """Generated exchanges through a running proxy."""

    timeout = 3600

    async def exchange(self, method: bytes, request: Side, answer: Side) -> None:
        """Send one exchange through the proxy and compare both sides."""
        head = method == b"HEAD"
        bodiless = head or answer.first.split(b" ")[1] in (b"204", b"304")
        self.answer = answer.written(answer.headers, bodiless=bodiless), answer.cut
        self.upstream.requests.clear()
        if self.client is None or self.client.ended is not None:
            self.client = await self.connect()
        client = self.client
        host = (b"hOsT", b"localhost")
        fields = list(request.headers)
        fields.insert(request.place % (len(fields) + 1), host)
        await send_cut(client, request.written(fields), request.cut)
        response = await client.message(bodiless=bodiless)
        self.assertEqual(bytes(client.received), b"")
        (arrived,) = self.upstream.requests
        authority = b"127.0.0.1:%d" % self.upstream_port
        renamed = [(name, authority if name == b"hOsT" else value) for name, value in fields]
        self.compare(arrived, request, renamed)
        self.compare(response, answer, answer.headers, head)

    def compare(self, got: Message, sent: Side, fields: Pairs, bodiless: bool = False) -> None:
        """Compare what came with what was sent."""
        self.assertEqual(got.line, sent.first)
        self.assertEqual(got.body, b"" if bodiless else sent.body)
        self.assertEqual(expected([pair for pair in got.headers if pair[0] != b"Content-LENGTH"]), expected(fields))
        if not bodiless:
            framing = {"length": [b"%d" % len(sent.body)], "chunked": [], "none": []}
            self.assertEqual(got.values(b"content-length"), framing[sent.framing])
            coding = [b"chunked"] if sent.framing == "chunked" else []
            self.assertEqual(got.values(b"transfer-encoding"), coding)
        removed = HOP_BY_HOP - {b"transfer-encoding"}
        self.assertFalse(removed & {name.lower() for name, _ in got.headers})

    async def test_every_exchange_arrives_as_it_was_sent(self) -> None:
        """Methods, targets, header lines, bodies, chunkings, statuses, reasons: generated, over kept connections."""

        def script(peer: Peer, message: Message) -> None:
            ensureDeferred(send_cut(peer, *self.answer))

        self.upstream = await self.start_scripted(script, capture="off")
        assert self.running is not None
        self.upstream_port = int(self.running.upstreams["test"].rpartition(":")[2])
        self.client: Peer | None = None
        phases = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )
        @given(exchanges())
        def run(drawn: tuple[bytes, Side, Side]) -> None:
            blockingCallFromThread(reactor, lambda: ensureDeferred(self.exchange(*drawn)))

        await deferToThread(run)
