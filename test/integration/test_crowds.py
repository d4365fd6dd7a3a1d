"""Too many, too slow and too odd clients: nothing leaks, nobody else suffers, and we come back."""

import os
import random
import socket
import sys
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from test.integration.harness import OK, Peer, ProxiedTestCase, ScriptedUpstream, answering
from test.integration.messages import Message
from test.integration.program import WAYS, ProgramTestCase
from test.integration.test_bounds import open_files
from test.integration.test_stopping import GET
from test.proxy.hostile_requests import BODIES, CHUNKED, CHUNKS, FINE, HEADS

#: How many damaged requests are sent.
DAMAGED = int(os.environ.get("CCSPROXY_DAMAGED", "250"))
LINUX = sys.platform.startswith("linux")


class OddClientTests(ProxiedTestCase):
    """Damaged requests over real sockets; trial fails a test that logs an error."""

    def damaged(self, dice: random.Random, good: list[bytes]) -> bytes:
        """Cut, repeat, swap or replace some bytes of a request."""
        data = bytearray(dice.choice(good))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data) or 1)
            match dice.randrange(5):
                case 0:
                    del data[at : at + dice.randint(1, 9)]
                case 1:
                    data[at:at] = data[at : at + dice.randint(1, 40)]
                case 2:
                    data[at : at + 1] = bytes([dice.randrange(256)])
                case 3:
                    data[at:at] = dice.choice([b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"0\r\n\r\n"])
                case _:
                    data += dice.choice(good)
        return bytes(data)

    async def one(self, data: bytes) -> None:
        """Send it, end our half, and read until the end: there is one, whatever was sent."""
        client = await self.connect()
        client.send(data)
        client.transport.loseWriteConnection()
        await client.end()

    async def test_damaged_requests(self) -> None:
        """No error is logged, every exchange is accounted for, and no descriptor is left open."""
        upstream = await self.start_scripted(answering(OK))
        await self.one(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        before = len(open_files(os.getpid())) if LINUX else 0
        dice = random.Random(7)
        port = b":%d" % self.proxy_port
        good = [data.replace(b":8787", port) for _, data, *_ in (*HEADS, *BODIES, *FINE) if len(data) < 2000]
        good += [CHUNKED + data for data, _ in CHUNKS]
        requests = iter([*good, *(self.damaged(dice, good) for _ in range(DAMAGED))])

        async def work() -> None:
            for data in requests:
                await self.one(data)

        await gatherResults([Deferred.fromCoroutine(work()) for _ in range(40)])
        await self.until(lambda: self.running and self.running.health()["in_flight"] == 0, "the ends")
        await self.close_peers(upstream)
        if LINUX:
            await self.until(lambda: len(open_files(os.getpid())) <= before, "closed descriptors")
        health = self.running.health() if self.running else {}
        await self.records(health["accepted"])

    async def test_pipelines_do_not_mix(self) -> None:
        """Many connections with many requests each: every answer is the right one, in order."""

        def script(peer: Peer, request: Message) -> None:
            name = request.line.split(b" ")[1]
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))

        await self.start_scripted(script, capture="off")

        async def work(number: int) -> None:
            client = await self.connect()
            client.send(b"".join(GET % (b"%d/%d" % (number, n)) for n in range(30)))
            for n in range(30):
                self.assertEqual((await client.message()).body, b"/%d/%d" % (number, n))

        await gatherResults([Deferred.fromCoroutine(work(number)) for number in range(30)])


class CrowdTests(ProgramTestCase):
    """A process with few descriptors."""

    async def begin(self, *options: str) -> ScriptedUpstream:
        upstream = ScriptedUpstream(answering(OK))
        launcher = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128));"
        few = [sys.executable, "-c", launcher + "os.execv(sys.argv[1], sys.argv[1:])", *WAYS["serve"]]
        port = self.listen(upstream)
        self.data_dir = Path(self.mktemp()).absolute()
        fixed = ["--upstream", f"u=http://127.0.0.1:{port}", "--upstream-proxy", "none", "--no-api"]
        program = self.spawn([*few, *fixed, "--proxy-port", "0", "--data-dir", str(self.data_dir), *options])
        await self.up(program)
        self.addCleanup(self.close_peers, upstream)
        self.program = program
        return upstream

    async def test_more_connections_than_descriptors(self) -> None:
        """Those beyond the cap are refused, those within it are served, and later ones again."""
        await self.begin()
        first = await self.connect()
        first.send(GET % b"first")
        await first.message()
        crowd = [await self.connect() for _ in range(200)]
        first.send(GET % b"again")
        self.assertEqual((await first.message()).body, b"ok")
        for client in crowd:
            if client.ended is None:
                client.send(GET % b"crowd")
        answers = []
        for client in crowd:
            await client.until(lambda client=client: client.received or client.ended)
            answers.append(bytes(client.received[9:12]))
        self.assertEqual(set(answers), {b"200", b"503", b""})
        self.assertGreater(answers.count(b"200"), 20)
        for client in crowd:
            client.leave()
            await client.end()
        await self.until_served()
        self.assertNotIn("Traceback", self.program.said)

    async def until_served(self) -> None:
        """Try until a new connection is served."""
        served = False
        while not served:
            client = await self.connect()
            client.send(GET % b"later")
            await client.until(lambda client=client: client.received or client.ended)
            served = bytes(client.received[9:12]) == b"200"

    async def test_a_loop_by_another_address(self) -> None:
        """An upstream that is ourselves under an address that nobody could know is noticed when it is asked."""
        if not LINUX:
            self.skipTest("needs 127.0.0.2")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        upstream = ["--upstream", f"me=http://127.0.0.2:{port}"]
        await self.launch("serve", *upstream, "--no-api", "--listen", f"tcp:{port}:interface=0.0.0.0")
        answer = await self.ask(GET % b"loop")
        self.assertIn(answer.status, (421, 508), answer)
