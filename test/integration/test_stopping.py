"""Starting and stopping the program: signals, drain, exit status, socket activation and systemd's notifications."""

import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectError

from test.integration.harness import OK, Peer, ScriptedUpstream, answering, records_in
from test.integration.messages import Message, take
from test.integration.program import WAYS, Program, ProgramTestCase

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGINNING = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


class StoppingTests(ProgramTestCase):
    """What SIGTERM and SIGINT do, however the program was started."""

    async def begin(self, way: str, *options: str, **more: Any) -> tuple[Program, list[Peer]]:
        """Start it in some way before an upstream whose streams go on until the test ends them."""
        streams: list[Peer] = []

        def script(peer: Peer, request: Message) -> None:
            if request.line.startswith(b"GET /stream"):
                peer.send(BEGINNING)
                streams.append(peer)
            else:
                peer.send(OK)

        self.upstream = ScriptedUpstream(script)
        port = self.listen(self.upstream)
        self.addCleanup(self.close_peers, self.upstream)
        fixed = ["--upstream", f"test=http://127.0.0.1:{port}", "--no-api"]
        return await self.launch(way, *fixed, *options, **more), streams

    async def stream(self, streams: list[Peer]) -> Peer:
        """Begin a stream."""
        count = len(streams)
        client = await self.connect()
        client.send(GET % b"stream")
        await client.until(lambda: b"hello" in client.received)
        self.assertEqual(len(streams), count + 1)
        return client

    async def refused(self, port: int) -> None:
        """Wait until nobody listens on a port any more."""
        while True:
            try:
                (await self.connect(port)).leave()
            except ConnectError:
                return

    def check_end(self, program: Program, outcomes: list[str]) -> None:
        """Check exit status, traces and records."""
        self.assertEqual(program.status, 0, program.said)
        self.assertNotIn("Traceback", program.said)
        self.assertFalse((self.data_dir / "run.json").exists())
        self.assertEqual([record["outcome"] for record in records_in(self.data_dir)], outcomes)
        self.assertEqual(self.upstream.open, 0)

    async def drained(self, way: str, number: int) -> None:
        """A signal lets the streams end, takes no new connection, and the process ends with 0."""
        program, streams = await self.begin(way, "--proxy-port", "0")
        client = await self.stream(streams)
        program.signal(number)
        await self.refused(self.proxy_port)
        streams[0].send(b"6\r\n world\r\n0\r\n\r\n")
        answer = await client.message()
        self.assertEqual(answer.body, b"hello world")
        await program.ended()
        self.check_end(program, ["complete"])

    async def test_a_closing_terminal(self) -> None:
        """SIGHUP to every process ends the service in order: the streams end first, and all is recorded."""
        program, streams = await self.begin("twistd", "--proxy-port", "0")
        client = await self.stream(streams)
        pids = [program.pid, *children_of(program.pid)]
        self.assertGreater(len(pids), 1)
        for pid in pids:
            os.kill(pid, signal.SIGHUP)
        await self.refused(self.proxy_port)
        streams[0].send(b"6\r\n world\r\n0\r\n\r\n")
        self.assertEqual((await client.message()).body, b"hello world")
        await program.ended()
        self.check_end(program, ["complete"])

    async def test_a_reload(self) -> None:
        """SIGHUP to the main process reads the configuration again, and ends nothing; a mistake changes nothing."""
        file = Path(self.mktemp()).absolute()
        file.write_text("max-request-body = 9\n")
        program, streams = await self.begin("twistd", "--proxy-port", "0", "--config", str(file))
        client = await self.stream(streams)
        for text, words, status in (
            ("max-request-body = 3\nworkers = 2\n", "take effect at the next start: workers", b" 413 "),
            ("max-request-body = nonsense\n", "the previous one stays in use", b" 413 "),
            ("max-request-body = 99\n", "was reloaded", b" 200 "),
        ):
            file.write_text(text)
            seen = len(program.said)
            program.signal(signal.SIGHUP)
            await self.until(lambda seen=seen, words=words: words in program.said[seen:], words)
            other = await self.connect()
            other.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
            await other.until(lambda other=other, status=status: status in other.received)
            other.leave()
        streams[0].send(b"0\r\n\r\n")
        self.assertEqual((await client.message()).body, b"hello")
        program.signal(signal.SIGTERM)
        self.assertEqual(await program.ended(), 0)

    async def test_twistd(self) -> None:
        """SIGTERM to ``twistd -n ccsproxy``."""
        await self.drained("twistd", signal.SIGTERM)

    async def test_twist(self) -> None:
        """SIGTERM to ``twist ccsproxy``."""
        await self.drained("twist", signal.SIGTERM)

    async def test_serve(self) -> None:
        """SIGINT to ``ccsproxy serve``."""
        await self.drained("serve", signal.SIGINT)

    async def cut(self, way: str, *options: str, signals: int) -> None:
        """What does not end in time is cut, for the client too, and recorded."""
        program, streams = await self.begin(way, "--proxy-port", "0", *options)
        clients = [await self.stream(streams) for _ in range(3)]
        for _ in range(signals):
            program.signal(signal.SIGTERM)
            await self.refused(self.proxy_port)
        for client in clients:
            await client.end()
            self.assertIsNone(take(bytes(client.received)))
        await program.ended()
        self.check_end(program, ["shutdown"] * 3)

    async def test_the_drain_timeout(self) -> None:
        """Streams that outlast ``--drain-timeout`` are cut."""
        await self.cut("twistd", "--drain-timeout", "0.3", signals=1)

    async def test_a_second_signal(self) -> None:
        """It cuts at once, and everything is still flushed; under each starter."""
        for way in WAYS:
            await self.cut(way, "--drain-timeout", "500", signals=2)

    async def test_an_idle_stop(self) -> None:
        """Idle connections on both sides do not hold the end up."""
        program, _ = await self.begin("twistd", "--proxy-port", "0")
        client = await self.connect()
        client.send(GET % b"plain")
        await client.message()
        program.signal(signal.SIGTERM)
        await client.end()
        await program.ended()
        self.check_end(program, ["complete"])

    async def test_the_run_file(self) -> None:
        """``run.json`` says what the contract lists, and is its owner's alone."""
        program, _ = await self.begin("twistd", "--proxy-port", "0")
        expected = {"pid", "version", "started_at", "proxy", "api", "upstreams", "session_id"}
        self.assertEqual(set(self.run_file), expected | {"budgets"})
        self.assertEqual(self.run_file["pid"], program.pid)
        for path in [self.data_dir, *self.data_dir.rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        program.signal(signal.SIGTERM)
        await program.ended()


class ActivationTests(ProgramTestCase):
    """What systemd does for us and hears from us."""

    if not sys.platform.startswith("linux"):
        skip = "needs what systemd uses"

    async def test_notifications(self) -> None:
        """READY when the ports are open, WATCHDOG while it lives, STOPPING at the end."""
        upstream = ScriptedUpstream(answering(OK))
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{directory}/notify")
            manager.setblocking(False)
            environment = {"NOTIFY_SOCKET": f"{directory}/notify", "WATCHDOG_USEC": "200000"}
            options = ["--upstream", f"u=http://127.0.0.1:{self.listen(upstream)}", "--no-api", "--proxy-port", "0"]
            program = await self.launch("twistd", *options, environment=environment)
            heard: list[bytes] = []

            def hear(word: bytes) -> bool:
                try:
                    while True:
                        heard.append(manager.recv(4096))
                except BlockingIOError:
                    return any(word in message for message in heard)

            await self.until(lambda: hear(b"READY=1"), "READY")
            await self.until(lambda: hear(b"WATCHDOG=1"), "WATCHDOG")
            program.signal(signal.SIGTERM)
            await program.ended()
            self.assertTrue(hear(b"STOPPING=1"), heard)

    async def test_socket_activation(self) -> None:
        """A connection made before the program runs is answered when it does."""
        upstream = ScriptedUpstream(answering(OK))
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(16)
            self.run_file = {"proxy": [f"http://127.0.0.1:{listening.getsockname()[1]}"]}
            early = await self.connect()
            early.send(GET % b"early")
            launcher = (
                "import os, sys; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1',"
                " LISTEN_FDNAMES='proxy'); os.execv(sys.argv[1], sys.argv[1:])"
            )
            self.data_dir = Path(self.mktemp()).absolute()
            command = [sys.executable, "-c", launcher, *WAYS["twistd"], "--no-api", "--data-dir", str(self.data_dir)]
            command += ["--upstream", f"u=http://127.0.0.1:{self.listen(upstream)}", "--upstream-proxy", "none"]
            command += ["--listen", "systemd:domain=INET:name=proxy"]
            program = self.spawn(command, descriptors={3: listening.fileno()})
            self.assertEqual((await early.message()).body, b"ok")
            program.signal(signal.SIGTERM)
            await program.ended()
            self.assertEqual(program.status, 0, program.said)
            await self.close_peers(upstream)


class EarlyStopTests(ProgramTestCase):
    """The service is stopped while its other processes still load their modules."""

    async def stop_early(self, *options: str) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        command = [*WAYS["twistd"], "--data-dir", str(self.data_dir), "--upstream", "http://127.0.0.1:9"]
        program = self.spawn([*command, "--proxy-port", "0", "--api-port", "0", *options])
        await self.until(lambda: children_of(program.pid), "a child")
        program.signal(signal.SIGTERM)
        self.assertEqual(await program.ended(), 0)
        # Children that had started would have said how they ended, as the main process does.
        self.assertEqual(program.said.count("Main loop terminated"), 1)
        self.assertNotIn("Traceback", program.said)
        self.assertFalse((self.data_dir / "run.json").exists())

    async def test_one_relay(self) -> None:
        """It ends in order and at once: nobody waits for a process only to have it exit."""
        await self.stop_early()

    async def test_workers(self) -> None:
        """Workers that accept nothing yet have nothing to drain."""
        await self.stop_early("--workers", "2")
