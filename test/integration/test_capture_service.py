"""The relay's hand-over and a real recorder process: stopped, killed, closed, it never costs a client or a record."""

import os
import signal
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ccsproxy.capture.relay.limits import CaptureLimits
from ccsproxy.capture.relay.service import CaptureService
from ccsproxy.capture.relay.spill import SpillBounds
from ccsproxy.config.model import Config
from ccsproxy.runtime.bus import Bus
from test.capture.fakes import SSE, ending, request_head, response_head

LIMITS = CaptureLimits(memory=200_000, spill=SpillBounds(reserve=0), flush_within=15.0, patience=2)


class CaptureServiceTests(TestCase):
    """A `CaptureService` with a process of its own."""

    timeout = 90
    module = "test.integration.recorder_under_test"

    async def start(self, capture: str = "full") -> None:
        self.directory = Path(self.mktemp())
        self.events: list[dict[str, Any]] = []
        bus = Bus()
        bus.subscribe(self.events.append)
        config = Config(upstreams=(), data_dir=self.directory, capture=capture)
        self.service = CaptureService(config, "run-1", reactor, bus, LIMITS, module=self.module)
        self.addCleanup(self.end)
        await self.service.startService()

    async def end(self) -> None:
        if self.service.running:
            await self.service.stopService()

    def pid(self) -> int:
        pid = self.service._child.pid
        assert pid is not None
        return pid

    async def wait_for(self, condition: Any, what: str) -> None:
        for _ in range(6000):
            if condition():
                return
            await deferLater(reactor, 0.01)
        self.fail(f"waited in vain for {what}: {self.service.health()}")

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines so far; the first recorder may not have made the file yet."""
        path = self.directory / "lines.jsonl"
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the records by id; each id has one."""
        found = [line for line in self.lines() if "event" not in line]
        records = {line["id"]: line for line in found}
        self.assertEqual(len(records), len(found))
        return records

    def exchange(self, name: str, size: int = 1000) -> None:
        tap = self.service.capture.begin(request_head(name))
        tap.request_body(b"{}")
        tap.response_head(response_head(200, SSE))
        for start in range(0, size, 50_000):
            tap.response_body(b"x" * min(50_000, size - start))
        tap.response_body(b"\nend\n")
        tap.end(ending())

    def assert_all_counted(self) -> None:
        health = self.service.health()
        self.assertEqual(health["accepted"], health["stored"] + sum(health["dropped"].values()) + health["in_flight"])

    async def test_from_frames_to_lines(self) -> None:
        """Exchanges become lines in order, events reach the bus, and stopping flushes what is left."""
        await self.start()
        for number in range(20):
            self.exchange(f"e{number:02}")
        await self.service.stopService()
        self.assertEqual([r["seq"] for r in self.records().values()], list(range(1, 21)))
        self.assertEqual({r["outcome"] for r in self.records().values()}, {"complete"})
        self.assertEqual(sum(event["type"] == "request_completed" for event in self.events), 20)
        self.assertEqual((self.service.health()["stored"], self.service.health()["in_flight"]), (20, 0))
        self.assertEqual(sorted(os.listdir(self.directory)), ["journal", "lines.jsonl"])
        self.assertEqual(os.listdir(self.directory / "journal"), [])

    async def test_a_stopped_recorder_costs_nothing(self) -> None:
        """While the recorder is stopped frames go to the spill file; when it goes on, every record is whole."""
        await self.start()
        os.kill(self.pid(), signal.SIGSTOP)
        for number in range(40):
            self.exchange(f"e{number}", 100_000)
            await deferLater(reactor, 0)
        await self.wait_for(lambda: self.service.health()["spilled_bytes"] > 2_000_000, "the spill")
        self.assertLess(self.service.health()["queue_bytes"], 3_000_000)
        os.kill(self.pid(), signal.SIGCONT)
        await self.wait_for(lambda: self.service.health()["stored"] == 40, "all records")
        self.assertEqual({r["response"]["body_bytes"] for r in self.records().values()}, {100_005})
        self.assertEqual([f for r in self.records().values() for f in r["capture"]["faults"]], [])
        await self.wait_for(lambda: self.service.health()["spill_bytes"] == 0, "an empty spill file")

    def announced(self, exchange: str) -> int:
        """Return how often an exchange was announced."""
        return sum(line.get("event") == "started" and line["id"] == exchange for line in self.lines())

    async def test_a_killed_recorder_costs_nothing(self) -> None:
        """An exchange that was under way keeps its number and has one record, with what the dead one had taken."""
        await self.start()
        self.exchange("before")
        tap = self.service.capture.begin(request_head("across"))
        tap.response_head(response_head(200, SSE))
        tap.response_body(b"taken by the one ")
        await self.wait_for(lambda: self.announced("across") == 1, "the line of the second start")
        os.kill(self.pid(), signal.SIGKILL)
        tap.response_body(b"or the other\n")
        await self.wait_for(lambda: self.service.health()["recorder_restarts"] == 1, "the restart")
        tap.response_body(b"end\n")
        tap.end(ending())
        self.exchange("after")
        await self.wait_for(lambda: self.service.health()["stored"] == 3, "all records")
        records = self.records()
        self.assertEqual(
            [(r["id"], r["seq"]) for r in records.values()], [("before", 1), ("across", 2), ("after", 3)]
        )
        across = records["across"]
        self.assertEqual((across["capture"]["faults"], across["response"]["body_bytes"]), ([], 34))
        self.assertEqual(across["response"]["stream"]["text"], "taken by the one or the other\nend\n")
        self.assertEqual(self.announced("across"), 1)

    async def test_killed_again_and_again(self) -> None:
        """Kills at odd moments, under load: every exchange has exactly one record, and the counts agree."""
        await self.start()
        for number in range(60):
            self.exchange(f"e{number}", 30_000)
            if number % 20 == 10:
                os.kill(self.pid(), signal.SIGKILL)
                restarts = self.service.health()["recorder_restarts"]
                await self.wait_for(
                    lambda seen=restarts: self.service.health()["recorder_restarts"] > seen, "a restart"
                )
                await self.wait_for(lambda: self.service._child.pid is not None, "the new recorder")
            await deferLater(reactor, 0.001)
        await self.wait_for(lambda: self.service.health()["stored"] == 60, "all records")
        self.assertEqual({r["response"]["body_bytes"] for r in self.records().values()}, {30_005})
        self.assertEqual({r["outcome"] for r in self.records().values()}, {"complete"})
        self.assertEqual(len(self.records()), 60)
        self.assert_all_counted()

    async def test_an_exchange_that_kills_the_recorder(self) -> None:
        """What kills the recorder each time is given up after a few times, and recording goes on."""
        await self.start()
        self.exchange("good")
        await self.wait_for(lambda: self.service.health()["stored"] == 1, "the first record")
        self.service.capture.begin(request_head("bad", target=b"/poison")).end(ending())
        await self.wait_for(lambda: self.service.health()["dropped"], "giving up")
        self.exchange("after")
        await self.wait_for(lambda: self.service.health()["stored"] == 2, "the record after it")
        self.assertEqual(self.service.health()["dropped"], {"recorder": 1})
        self.assert_all_counted()

    async def test_a_recorder_that_cannot_start(self) -> None:
        """The relay goes on without it, queues, and counts at the end what could not be stored."""
        self.module = "test.integration.no_such_module"
        directory, self.directory = Path(self.mktemp()), Path(self.mktemp())
        config = Config(upstreams=(), data_dir=directory)
        limits = CaptureLimits(ready_within=0.2, flush_within=0.2)
        self.service = CaptureService(config, "run-1", reactor, Bus(), limits, module=self.module)
        await self.service.startService()
        self.exchange("e1")
        await self.service.stopService()
        self.assertEqual((self.service.health()["dropped"], self.service.health()["in_flight"]), ({"shutdown": 1}, 0))

    async def test_capture_off(self) -> None:
        """Without capture there is no process and no file."""
        await self.start("off")
        self.exchange("e1")
        self.assertIsNone(self.service._child.pid)
        self.assertFalse(self.directory.exists())

    async def test_behind(self) -> None:
        """Health says for how long the oldest ended exchange has been waiting for its record."""
        await self.start()
        self.assertEqual(self.service.health()["recorder_behind_s"], 0.0)
        os.kill(self.pid(), signal.SIGSTOP)
        self.exchange("e1")
        await deferLater(reactor, 0.5)
        self.assertGreaterEqual(self.service.health()["recorder_behind_s"], 0.5)
        os.kill(self.pid(), signal.SIGCONT)
        await self.wait_for(lambda: self.service.health()["stored"] == 1, "the record")
        self.assertEqual(self.service.health()["recorder_behind_s"], 0.0)

    async def test_the_end_of_the_relay_ends_the_recorder(self) -> None:
        """When the links are closed the recorder works off the log, and ends by itself."""
        await self.start()
        os.kill(self.pid(), signal.SIGSTOP)
        for number in range(20):
            self.exchange(f"e{number}", 100_000)
        self.service._child._stopping = stopped = Deferred()
        assert self.service._control is not None and self.service._hand_over is not None
        self.service._control.close()
        self.service._hand_over.close()
        os.kill(self.pid(), signal.SIGCONT)
        await stopped
        self.assertEqual({r["response"]["body_bytes"] for r in self.records().values()}, {100_005})
        self.assertEqual(len(self.records()), 20)
        self.service.running = 0
