"""SIGSTOP of each process in each phase of an exchange, longer than every time limit: nobody else is blamed for it.

The upstream goes on while the process stands still. Afterwards the client has every byte, the record is complete, and
where the relay stood still it says so and for how long.
"""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from test.integration.harness import records_in
from test.integration.test_kills import Service, wait_for

#: How often something is stopped; ``CCSPROXY_PHASE_STOPS=100`` for the long run.
STOPS = int(os.environ.get("CCSPROXY_PHASE_STOPS", "3"))
#: The limits for a response's head and between its chunks, and how long a process stands still, in seconds.
LIMIT, STILL = 1, 2.5
BODY = b"x" * 70_000
_CHILDREN = {
    "recorder": "ccsproxy.capture.main",
    "worker": "ccsproxy.workers.worker",
    "api": "ccsproxy.api.process",
}
PHASES = ("between", "upload", "head", "stream")


class PacedUpstream:
    """Answers one connection after the other, and waits before each step until it may go on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.reached: dict[str, threading.Event] = {}
        self.may: dict[str, threading.Event] = {}
        self.renew()
        threading.Thread(target=self._serve, daemon=True).start()

    def renew(self) -> None:
        """Prepare the steps of the next exchange."""
        self.reached = {name: threading.Event() for name in ("begun", "request", "half")}
        self.may = {name: threading.Event() for name in ("head", "rest")}

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        while line := file.readline():
            length = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.reached["begun"].set()
            file.read(length)
            self.reached["request"].set()
            self.may["head"].wait(30)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY[: len(BODY) // 2])
            self.reached["half"].set()
            self.may["rest"].wait(30)
            connection.sendall(BODY[len(BODY) // 2 :])


class StalledPhaseTests(SynchronousTestCase):
    """One exchange after the other, each disturbed in one phase."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute() / "data"
        self.data_dir.parent.mkdir(parents=True)
        self.upstream = PacedUpstream()
        self.addCleanup(self.upstream.close)
        self.dice = random.Random()
        self.number = 0

    def begin(self, *options: str) -> None:
        limits = ("--first-byte-timeout", str(LIMIT), "--idle-timeout", str(LIMIT))
        self.service = Service(self.data_dir, self.upstream.url, *limits, *options, api=True)
        self.addCleanup(self.end)

    def end(self) -> None:
        if self.service.process.poll() is None:
            self.service.kill(everything=True)

    def pid(self, name: str) -> int:
        if name == "relay":
            return self.service.process.pid
        wait_for(lambda: self.service.children(_CHILDREN[name]), name)
        return self.dice.choice(self.service.children(_CHILDREN[name]))

    @contextmanager
    def still(self, name: str, now: bool) -> Iterator[None]:
        """Let a process stand still while something else happens, if this is the phase for it."""
        if not now:
            yield
            return
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
            for event in self.upstream.may.values():  # it would be the upstream that lets others wait otherwise
                event.set()
            time.sleep(STILL)
        finally:
            os.kill(pid, signal.SIGCONT)

    def exchange(self, name: str, phase: str) -> None:
        """Make one exchange, with a process that stands still in one of its phases."""
        self.number += 1
        self.upstream.renew()
        up = self.upstream
        with socket.create_connection(("127.0.0.1", self.service.port), 30) as client:
            client.settimeout(30)
            head = b"POST /v1/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (self.number, len(BODY))
            time.sleep(0.1)  # until the exchange before it is over for the relay, too
            with self.still(name, phase == "between"):
                client.sendall(head + BODY[:1000])
            self.assertTrue(up.reached["begun"].wait(30))
            with self.still(name, phase == "upload"):
                client.sendall(BODY[1000:])
            self.assertTrue(up.reached["request"].wait(30))
            with self.still(name, phase == "head"):
                up.may["head"].set()
            self.assertTrue(up.reached["half"].wait(30))
            with self.still(name, phase == "stream"):
                up.may["rest"].set()
            got = self.read(client)
        self.assertEqual(got, BODY, (name, phase))

    def read(self, client: socket.socket) -> bytes:
        got = b""
        while len(got.partition(b"\r\n\r\n")[2]) < len(BODY):
            data = client.recv(1 << 16)
            if not data:
                raise AssertionError(f"cut after {len(got)} bytes: {got[:300]!r}")
            got += data
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got[:200])
        return got.partition(b"\r\n\r\n")[2]

    def run_through(self, names: tuple[str, ...], stalls: Callable[[str], bool]) -> None:
        """Stop each in each phase as often as is asked for, and judge the records."""
        plan = [(name, phase) for phase in PHASES for name in names]
        self.dice.shuffle(plan)
        done = [plan[number % len(plan)] for number in range(STOPS)]
        for name, phase in done:
            self.exchange(name, phase)
        self.service.stop()
        found: dict[str, Any] = {each["request"]["path"]: each for each in records_in(self.data_dir)}
        self.assertEqual(len(found), len(done))
        for number, (name, phase) in enumerate(done, 1):
            record = found[f"/v1/{number}"]
            what = (name, phase, record["outcome"], record["capture"], record["timing"])
            self.assertEqual((record["outcome"], record["partial"]), ("complete", False), what)
            self.assertEqual(record["request"]["body_bytes"], len(BODY), what)
            self.assertEqual(record["response"]["body_bytes"], len(BODY), what)
            stalled = record["timing"].get("proxy_stalled")
            if stalls(name) and phase in ("upload", "head", "stream"):
                self.assertGreater(stalled or 0, STILL * 1000 - 600, what)
                self.assertIn("proxy_stalled", record["capture"]["faults"], what)
            elif not stalls(name):
                # The machine may be starved for moments; a process that did not stand still is not said to have.
                self.assertLess(stalled or 0, STILL * 1000 - 600, what)

    def test_one_relay(self) -> None:
        """The relay itself, the recorder and the API."""
        self.begin()
        self.run_through(("relay", "recorder", "api"), lambda name: name == "relay")

    def test_workers(self) -> None:
        """What workers relay does not wait for the recorder."""
        self.begin("--workers", "2")
        self.run_through(("recorder", "api"), lambda name: False)
