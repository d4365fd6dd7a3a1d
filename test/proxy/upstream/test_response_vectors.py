"""Byte vectors: what an upstream may send, and what becomes of it."""

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.errors import RelayError
from ccsproxy.proxy.upstream.response_body import SIZE_LINE_LIMIT
from test.proxy.upstream_wire import Wire, splits

H = b"HTTP/1.1 200 OK\r\n"
CL5 = H + b"Content-Length: 5\r\n\r\n"
CHUNKED = H + b"Transfer-Encoding: chunked\r\n\r\n"

#: name: (bytes, method, status, body, ending, whether the connection may be used again)
ACCEPTED = {
    "length": (CL5 + b"hello", b"GET", 200, b"hello", "ResponseDone", True),
    "length zero": (H + b"Content-Length: 0\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "zeros before the length": (
        H + b"Content-Length: 005\r\n\r\nhello",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "no space round the value": (H + b"content-LENGTH:5\r\n\r\nhello", b"GET", 200, b"hello", "ResponseDone", True),
    "tab round the value": (H + b"Content-Length:\t5 \t\r\n\r\nhello", b"GET", 200, b"hello", "ResponseDone", True),
    "empty value": (H + b"X:\r\nContent-Length: 5\r\n\r\nhello", b"GET", 200, b"hello", "ResponseDone", True),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "odd reason": (b"HTTP/1.1 200 \xc3\xa4 :x\r\nContent-Length: 0\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "status of no class": (
        b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nno",
        b"GET",
        999,
        b"no",
        "ResponseDone",
        True,
    ),
    "many zeros before the length": (
        H + b"Content-Length: " + b"0" * 30 + b"5\r\n\r\nhello",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "length of zeros": (H + b"Content-Length: 000\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "unknown status": (b"HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nno", b"GET", 599, b"no", "ResponseDone", True),
    "chunked": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "two chunks": (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "chunks of line ends": (CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"GET", 200, b"\r\n\r\n", "ResponseDone", True),
    "long zeros": (CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "upper-case size": (CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", b"GET", 200, b"0123456789", "ResponseDone", True),
    "chunk extension": (CHUNKED + b'5;a="b c"\r\nhello\r\n0;x\r\n\r\n', b"GET", 200, b"hello", "ResponseDone", True),
    "no chunk": (CHUNKED + b"0\r\n\r\n", b"GET", 200, b"", "ResponseDone", True),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"GET", 200, b"x", "ResponseDone", True),
    "odd case": (
        H + b"transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n",
        b"GET",
        200,
        b"",
        "ResponseDone",
        True,
    ),
    "head of a length": (H + b"Content-Length: 5\r\n\r\n", b"HEAD", 200, b"", "ResponseDone", True),
    "head of chunks": (CHUNKED, b"HEAD", 200, b"", "ResponseDone", True),
    "head of nothing": (H + b"\r\n", b"HEAD", 200, b"", "ResponseDone", True),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", 204, b"", "ResponseDone", True),
    "304 with a length": (b"HTTP/1.1 304 NM\r\nContent-Length: 9\r\n\r\n", b"GET", 304, b"", "ResponseDone", True),
    "205": (b"HTTP/1.1 205 R\r\nContent-Length: 0\r\n\r\n", b"GET", 205, b"", "ResponseDone", True),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + CL5 + b"hello", b"GET", 200, b"hello", "ResponseDone", True),
    "103 and 102 first": (
        b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + CL5 + b"hello",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "close": (H + b"Connection: close\r\nContent-Length: 1\r\n\r\nx", b"GET", 200, b"x", "ResponseDone", False),
    "Close": (H + b"Connection: Close\r\nContent-Length: 1\r\n\r\nx", b"GET", 200, b"x", "ResponseDone", False),
    "close in a list": (
        H + b"Connection: x-a , CLOSE\r\nContent-Length: 1\r\n\r\nx",
        b"GET",
        200,
        b"x",
        "ResponseDone",
        False,
    ),
    "close in the second line": (
        H + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"GET",
        200,
        b"",
        "ResponseDone",
        False,
    ),
    "not a close token": (
        H + b"Connection: closed\r\nContent-Length: 0\r\n\r\n",
        b"GET",
        200,
        b"",
        "ResponseDone",
        True,
    ),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"GET", 200, b"x", "ResponseDone", False),
    "1.0 keep-alive": (
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
        b"GET",
        200,
        b"x",
        "ResponseDone",
        True,
    ),
    "surplus after a length": (CL5 + b"helloHTTP/1.1 200 OK", b"GET", 200, b"hello", "ResponseDone", False),
    "surplus after chunks": (CHUNKED + b"0\r\n\r\n\r\n", b"GET", 200, b"", "ResponseDone", False),
    "surplus after 204": (b"HTTP/1.1 204 N\r\n\r\nx", b"GET", 204, b"", "ResponseDone", False),
    "surplus after head": (CL5 + b"hello", b"HEAD", 200, b"", "ResponseDone", False),
    "chunked twice": (
        H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "identity, Chunked, chunked": (
        H + b"Transfer-Encoding: identity, Chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "16 digits": (CHUNKED + b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "40 digits": (CHUNKED + b"0" * 39 + b"5\r\nhello\r\n0\r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "blanks after the size": (CHUNKED + b"5 \t\r\nhello\r\n0 \r\n\r\n", b"GET", 200, b"hello", "ResponseDone", True),
    "blanks before an extension": (
        CHUNKED + b'5 ; a = "b"\r\nhello\r\n0;x\r\n\r\n',
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "folded line": (H + b"A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", b"GET", 200, b"hello", "ResponseDone", True),
    "folded by tab, twice": (
        H + b"Content-Length: 5\r\nA: b\r\n\tc\r\n   d\r\n\r\nhello",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        True,
    ),
    "1.0 in chunks": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET",
        200,
        b"hello",
        "ResponseDone",
        False,
    ),
    "identity until close": (
        H + b"Transfer-Encoding: identity\r\n\r\nall of it",
        b"GET",
        200,
        b"all of it",
        "PotentialDataLoss",
        False,
    ),
    "until close": (H + b"\r\nall of it", b"GET", 200, b"all of it", "PotentialDataLoss", False),
    "1.0 until close": (b"HTTP/1.0 200 OK\r\n\r\nabc", b"GET", 200, b"abc", "PotentialDataLoss", False),
    "until close, nothing": (H + b"\r\n", b"GET", 200, b"", "PotentialDataLoss", False),
}

#: Heads that are refused before anything is delivered: name: bytes.
REFUSED_HEADS = {
    "two lengths": H + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the same length twice": H + b"Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "a list of lengths": H + b"Content-Length: 5, 5\r\n\r\nhello",
    "length and coding": H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": H + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "negative length": H + b"Content-Length: -5\r\n\r\n",
    "signed length": H + b"Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": H + b"Content-Length: 0x5\r\n\r\nhello",
    "underscored length": H + b"Content-Length: 1_0\r\n\r\nhello",
    "empty length": H + b"Content-Length:\r\n\r\n",
    "spaced length": H + b"Content-Length: 1 0\r\n\r\n",
    "enormous length": H + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "unknown coding": H + b"Transfer-Encoding: gzip\r\n\r\n",
    "coding list": H + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "obfuscated coding": H + b"Transfer-Encoding: xchunked\r\n\r\n",
    "vertical tab in the coding": H + b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare LF in a value": H + b"A: b\nC: d\r\n\r\n",
    "bare CR in a value": H + b"A: b\rC: d\r\n\r\n",
    "bare CR in the reason": b"HTTP/1.1 200 O\rK\r\n\r\n",
    "NUL in a value": H + b"A: b\0c\r\n\r\n",
    "NUL in a name": H + b"A\0: b\r\n\r\n",
    "identity and a length": H + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    "chunked, then gzip": H + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "folded length": H + b"Content-Length:\r\n 5\r\n\r\nhello",
    "length folded behind": H + b"content-length: 5\r\n 0\r\n\r\nhello",
    "folded coding": H + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
    "folded connection": H + b"Connection: keep-alive,\r\n close\r\nContent-Length: 0\r\n\r\n",
    "folded status line": b"HTTP/1.1 200\r\n OK\r\nContent-Length: 0\r\n\r\n",
    "fold with a bare LF": H + b"A: b\n c\r\n\r\n",
    "space before the colon": H + b"Content-Length : 5\r\n\r\nhello",
    "space in a name": H + b"A B: c\r\n\r\n",
    "no colon": H + b"nothing\r\n\r\n",
    "no name": H + b": value\r\n\r\n",
    "space before the first field": b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
    "status 099": b"HTTP/1.1 099 X\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 X\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 X\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "version 2": b"HTTP/2 200\r\n\r\n",
    "version 1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "lower-case http": b"http/1.1 200 OK\r\n\r\n",
    "version 0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "empty line first": b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "endless head": H + b"A: " + b"x" * 70_000,
    "large head": H + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
    "many fields": H + b"A: b\r\n" * 20_000 + b"\r\n",
}

#: Bodies that break off with an error: name: (bytes after the head of a chunked response, what is delivered at most).
REFUSED_CHUNKS = {
    "no size": b"\r\nhello\r\n",
    "not a size": b"x\r\nhello\r\n",
    "signed size": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative size": b"-5\r\nhello\r\n",
    "prefixed size": b"0x5\r\nhello\r\n0\r\n\r\n",
    "underscored size": b"0_5\r\nhello\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "enormous size": b"FFFFFFFFFFFFFFFF\r\nhello",
    "bare LF after the size": b"5\nhello\n0\n\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n",
    "NUL in an extension": b"5;a\0b\r\nhello\r\n",
    "chunk too long": b"5\r\nhello!\r\n0\r\n\r\n",
    "chunk too short": b"5\r\nhell\r\n0\r\n\r\n",
    "LF after a chunk": b"5\r\nhello\n0\r\n\r\n",
    "trailer without name": b"0\r\n: x\r\n\r\n",
    "trailer without colon": b"0\r\nx\r\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "NUL in a trailer": b"0\r\nA: \0\r\n\r\n",
    "endless trailer": b"0\r\nA: " + b"x" * 9000,
}


def feed(pieces: list[bytes], method: bytes = b"GET") -> Wire:
    """Send a response in pieces to a waiting connection, as long as it listens."""
    wire = Wire()
    wire.ask(method)
    for piece in pieces:
        if not wire.transport.aborted:
            wire.connection.dataReceived(piece)
    return wire


class AcceptedTests(SynchronousTestCase):
    """What is clear is passed on exactly, however it is cut into reads."""

    def test_every_vector_in_every_split(self) -> None:
        """Status, body, ending and reuse do not depend on where the reads end."""
        for name, (data, method, status, body, ending, again) in ACCEPTED.items():
            for pieces in splits(data):
                wire = feed(pieces, method)
                if ending == "PotentialDataLoss":
                    wire.lose(ConnectionDone())
                self.assertNotIsInstance(wire.outcome, Failure)
                got = (wire.outcome.code, wire.collector.body, wire.collector.ending, wire.reused)
                # Surplus that comes in a read of its own finds the connection idle, and closes it there.
                self.assertEqual(got, (status, body, ending, again), (name, pieces))
                self.assertEqual(len(wire.collector.endings), 1)

    def test_fields_keep_spelling_and_order(self) -> None:
        """Names and values arrive as they were sent, repeated ones too, framing included."""
        wire = feed(
            [H + b"x-RateLimit-LIMIT: 1\r\nSet-Cookie: a\r\nX:  y\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n"]
        )
        expected = [
            (b"x-RateLimit-LIMIT", b"1"),
            (b"Set-Cookie", b"a"),
            (b"X", b"y"),
            (b"set-cookie", b"b"),
            (b"Content-Length", b"0"),
        ]
        self.assertEqual(wire.outcome.raw_headers, expected)
        self.assertEqual(wire.outcome.headers.getRawHeaders(b"set-cookie"), [b"a", b"b"])

    def test_any_number_of_interims(self) -> None:
        """Hundreds of them are dropped, in one read or each in its own."""
        interim = b"HTTP/1.1 102 Processing\r\n\r\n"
        for pieces in ([interim * 300 + CL5 + b"hello"], [interim] * 300 + [CL5 + b"hello"]):
            wire = feed(pieces)
            self.assertEqual((wire.outcome.code, wire.collector.body), (200, b"hello"))

    def test_long_chunk_extensions(self) -> None:
        """As long as every client takes, in one read or in many, and no longer."""
        line = b"5;" + b"a" * (SIZE_LINE_LIMIT - 4) + b"\r\n"
        whole = CHUNKED + line + b"hello\r\n0\r\n\r\n"
        for pieces in ([whole], [whole[at : at + 999] for at in range(0, len(whole), 999)]):
            self.assertEqual(feed(pieces).collector.body, b"hello")
        self.assertEqual(feed([CHUNKED, b"5;" + b"a" * SIZE_LINE_LIMIT]).collector.ending, "UpstreamProtocolError")

    def test_folds_are_a_space(self) -> None:
        """A folded line goes on and is recorded as one line (RFC 9112 section 5.2)."""
        wire = feed([H + b"A: b\r\n  c\r\nX: y\r\nContent-Length: 0\r\n\r\n"])
        self.assertEqual(wire.outcome.forward, b"A: b c\r\nX: y\r\nContent-Length: 0\r\n")

    def test_trailers_are_captured_and_not_merged(self) -> None:
        """Trailers stand beside the headers when the body has ended."""
        for pieces in splits(ACCEPTED["trailers"][0]):
            wire = feed(pieces)
            self.assertEqual(wire.outcome.trailers, [(b"A", b"b"), (b"C", b"d")])
            self.assertEqual(wire.outcome.raw_headers, [(b"Transfer-Encoding", b"chunked")])

    def test_one_read_is_one_piece(self) -> None:
        """The chunks of one read reach the body's protocol joined, in the turn of the read."""
        wire = feed([CHUNKED])
        wire.connection.dataReceived(b"1\r\na\r\n" * 50)
        self.assertEqual(wire.collector.pieces, [b"a" * 50])


class RefusedTests(SynchronousTestCase):
    """What is not clear is a 502, or breaks the transfer off; the connection is never used again."""

    def test_every_head_in_every_split(self) -> None:
        """A refused head is one error, and nothing of it is delivered."""
        for name, data in REFUSED_HEADS.items():
            cuts = splits(data) if len(data) < 200 else iter([[data], [data[:100], data[100:]]])
            for pieces in cuts:
                wire = feed(pieces)
                self.assertIsInstance(wire.outcome, Failure, name)
                self.assertEqual((wire.error.kind, wire.error.status), ("upstream_protocol_error", 502), name)
                self.assertTrue(wire.transport.aborted)
                self.assertEqual((wire.collector.body, wire.pool.live_count), (b"", 0))

    def test_every_chunk_in_every_split(self) -> None:
        """A refused body ends with an error, never as whole."""
        for name, data in REFUSED_CHUNKS.items():
            cuts = splits(CHUNKED + data) if len(data) < 200 else iter([[CHUNKED + data], [CHUNKED, data]])
            for pieces in cuts:
                wire = feed(pieces)
                self.assertEqual(wire.collector.ending, "UpstreamProtocolError", (name, pieces))
                self.assertTrue(wire.transport.aborted)
                self.assertIn(wire.collector.body, (b"", b"hell", b"hello", b"h", b"he", b"hel", b"hell\r"), name)


class CutTests(SynchronousTestCase):
    """An answer that is cut never looks whole."""

    def test_a_cut_at_every_byte(self) -> None:
        """Wherever a chunked answer or one with a length is cut, by FIN or by RST, an error says so."""
        answers = (CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n", CL5 + b"hello")
        for data in answers:
            for cut in range(len(data)):
                for reason in (ConnectionDone(), ConnectionLost()):
                    wire = feed([data[:cut]] if cut else [])
                    wire.lose(reason)
                    if isinstance(wire.outcome, Failure):
                        self.assertEqual(wire.error.kind, "upstream_reset_before_response")
                    else:
                        self.assertEqual(wire.collector.ending, "UpstreamTruncated")
                        error = wire.collector.endings[0].value
                        self.assertIsInstance(error, RelayError)
                        expected = "upstream_reset" if isinstance(reason, ConnectionLost) else "upstream_truncated"
                        self.assertEqual(error.kind, expected)

    def test_a_reset_of_a_body_until_close(self) -> None:
        """A body that ends with the connection is cut when the connection was not closed in good order."""
        wire = feed([H + b"\r\nhalf"])
        wire.lose(ConnectionLost())
        self.assertEqual(wire.collector.ending, "UpstreamTruncated")
