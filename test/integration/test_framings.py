"""Odd but right HTTP through the running service: HEAD, 204, 304, HTTP/1.0, interim answers, Expect, half-close."""

import time

from test.integration.harness import OK, Peer, ProxiedTestCase, answering
from test.integration.messages import Message, chunks, take

HOST = b"Host: localhost\r\n"


class FramingTests(ProxiedTestCase):
    """Each kind of answer is framed as its request and its client need it."""

    async def test_answers_without_a_body(self) -> None:
        """HEAD, 204 and 304 keep their header lines, and the connection goes on behind them."""
        answers = {
            b"/head": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-A: 1\r\n\r\n",
            b"/204": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
            b"/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nX-A: 1\r\n\r\n",
            b"/head-chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        }
        await self.start_scripted(lambda peer, request: peer.send(answers[request.line.split(b" ")[1]]))
        client = await self.connect()
        for path, sent in answers.items():
            method = b"HEAD" if path.startswith(b"/head") else b"GET"
            client.send(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, path, HOST))
            got = await client.message(bodiless=True)
            self.assertEqual(got.line, sent.split(b"\r\n")[0])
            self.assertEqual(got.values(b"x-a"), [b"1"] if b"X-A" in sent else [])
            self.assertEqual(got.values(b"content-length"), [b"99"] if b"99" in sent else [])
        for record in await self.records(len(answers)):
            self.assertEqual((record["outcome"], record["partial"]), ("complete", False))

    async def test_interim_answers_are_not_the_answer(self) -> None:
        """100, 102 and 103 of the upstream are passed over."""
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        await self.start_scripted(answering(interim + OK))
        answer = await self.ask(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        self.assertEqual((answer.line, answer.body), (b"HTTP/1.1 200 OK", b"ok"))

    async def test_expect(self) -> None:
        """A client that expects 100-continue hears it, even if its upstream does not know of it."""
        upstream = await self.start_scripted(answering(OK))
        client = await self.connect()
        client.send(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        await client.until(lambda: client.received)
        self.assertEqual(bytes(client.received), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.received.clear()
        client.send(b"body")
        self.assertEqual((await client.message()).body, b"ok")
        (request,) = upstream.requests
        self.assertEqual((request.body, request.values(b"expect")), (b"body", [b"100-continue"]))
        other = await self.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: tea\r\nContent-Length: 4\r\n\r\nbody")
        self.assertEqual(other.status, 417)

    async def test_old_clients(self) -> None:
        """HTTP/1.0: asked upstream with 1.1, answered without chunks, ended by the connection."""
        upstream = await self.start_scripted(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"hello ", b"world"))
        )
        client = await self.connect()
        client.send(b"GET /old HTTP/1.0\r\n\r\n")
        await client.end()
        whole = take(bytes(client.received), ended=True)
        assert whole is not None
        self.assertEqual((whole[0].body, whole[0].values(b"transfer-encoding")), (b"hello world", []))
        self.assertEqual(upstream.requests[0].line, b"GET /old HTTP/1.1")
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["request"]["http_version"]), ("complete", "1.0"))

    async def test_old_upstreams(self) -> None:
        """An answer of HTTP/1.0 that its connection ends reaches a client of HTTP/1.1 in chunks."""

        def script(peer: Peer, request: Message) -> None:
            peer.send(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello")
            peer.close()

        await self.start_scripted(script)
        client = await self.connect()
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            answer = await client.message()
            self.assertEqual((answer.status, answer.body), (200, b"hello"))
            self.assertEqual(answer.values(b"transfer-encoding"), [b"chunked"])

    async def test_half_close(self) -> None:
        """A client that ends its own half after the request still gets its answer."""
        held: list[Peer] = []
        await self.start_scripted(lambda peer, request: held.append(peer))
        client = await self.connect()
        client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        client.transport.loseWriteConnection()
        await self.until(lambda: held, "the request")
        held[0].send(OK)
        self.assertEqual((await client.message()).body, b"ok")
        await client.end()
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "complete")

    async def test_half_close_in_the_middle_of_a_pipelined_request(self) -> None:
        """What precedes it is answered; what is not whole ends at once, its upstream's connection too."""
        held: list[Peer] = []
        for rest in (b"POST /b HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbo", b"GET /b HTT"):
            held.clear()
            upstream = await self.start_scripted(lambda peer, request: held.append(peer))
            client = await self.connect()
            client.send(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n" + rest)
            client.transport.loseWriteConnection()
            await self.until(lambda: held, "the first request")
            began = time.monotonic()
            held[0].send(OK)
            self.assertEqual((await client.message()).body, b"ok")
            await client.end()
            self.assertLess(time.monotonic() - began, 20, "waited for a deadline")
            self.assertEqual([request.line for request in upstream.requests], [b"GET /a HTTP/1.1"])

    async def test_pipelined_requests(self) -> None:
        """They are answered in order, one at a time, each with its own answer."""
        upstream = await self.start_scripted(
            lambda peer, request: peer.send(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(request.line), request.line)
            )
        )
        client = await self.connect()
        client.send(b"".join(b"GET /%d HTTP/1.1\r\n%b\r\n" % (n, HOST) for n in range(50)))
        for number in range(50):
            self.assertEqual((await client.message()).body, b"GET /%d HTTP/1.1" % number)
        self.assertEqual(len(upstream.requests), 50)
        await self.records(50)
