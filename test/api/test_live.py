"""Live events: ids, resume, heartbeats, and readers that lag."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api import live as live_module
from ccsproxy.api.live import HEARTBEAT, Live, Watcher
from test.api.scene import ApiCase
from test.effort import effort


class Reader:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.data += data

    def end(self) -> None:
        self.ended = True

    @property
    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The events that came: id, name and content."""
        return read_events(self.data)


def read_events(data: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """Read a stream of events."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def event(number: int) -> dict[str, Any]:
    """Return an event."""
    return {"type": "request_started", "session_id": "s\n", "seq": number}


class LiveTests(SynchronousTestCase):
    """The hub and its watchers."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.live = Live(self.clock, "run", history=10, ring=4)

    def watch(self, last_id: str = "") -> tuple[Watcher, Reader]:
        reader = Reader()
        watcher = self.live.watch(reader)
        self.live.replay(watcher, last_id)
        return watcher, reader

    def publish(self, *numbers: int) -> None:
        for number in numbers:
            self.live.publish(event(number))

    def test_name_id_and_content(self) -> None:
        """Each event has its type as name and an id of its own."""
        _, reader = self.watch()
        self.publish(1, 2)
        self.assertEqual(
            reader.events, [("run-1", "request_started", event(1)), ("run-2", "request_started", event(2))]
        )

    def test_resume(self) -> None:
        """Who comes back gets what it missed, and nothing twice."""
        self.publish(*range(1, 6))
        _, reader = self.watch("run-3")
        self.publish(6)
        self.assertEqual([content["seq"] for _, _, content in reader.events], [4, 5, 6])
        self.assertEqual(self.watch("run-6")[1].events, [])

    def test_gap(self) -> None:
        """What is not in the history any more is said to be missing, counted where that can be, before the rest."""
        self.publish(*range(1, 16))
        for last_id, missed in (
            ("run-2", 3),
            ("other-2", None),
            ("run-99", None),
            ("nonsense", None),
            ("run-²", None),
        ):
            events = self.watch(last_id)[1].events
            self.assertEqual(events[0], ("run-5", "lagged", {"type": "lagged", "missed": missed}))
            self.assertEqual([content["seq"] for _, _, content in events[1:]], list(range(6, 16)))

    def test_heartbeat(self) -> None:
        """A comment comes every 15 seconds, while there is a watcher."""
        watcher, reader = self.watch()
        reader.data = b""
        self.clock.advance(HEARTBEAT - 0.1)
        self.assertEqual(reader.data, b"")
        self.clock.advance(0.1)
        self.assertEqual(reader.data, b": \n\n")
        self.clock.advance(HEARTBEAT)
        self.assertEqual(reader.data, b": \n\n" * 2)
        watcher.stopProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_paused_reader_gets_all_later(self) -> None:
        """What came while a reader did not read comes when it does, in order and without heartbeats."""
        watcher, reader = self.watch()
        watcher.pauseProducing()
        self.publish(1, 2, 3)
        self.clock.advance(HEARTBEAT)
        self.assertEqual(reader.events, [])
        watcher.resumeProducing()
        self.assertEqual([content["seq"] for _, _, content in reader.events], [1, 2, 3])

    def test_pausing_again_while_resuming(self) -> None:
        """A reader that has enough while it catches up is not given more."""
        watcher, reader = self.watch()
        watcher.pauseProducing()
        self.publish(1, 2, 3)
        write = reader.write
        reader.write = lambda data: (write(data), watcher.pauseProducing())  # type: ignore[method-assign,assignment,return-value]
        watcher.resumeProducing()
        self.assertEqual(len(reader.events), 1)

    def test_lagging_reader_is_let_go(self) -> None:
        """A full ring ends the stream with `lagged`, and the others go on."""
        slow, lagging = self.watch()
        _, other = self.watch()
        slow.pauseProducing()
        self.publish(*range(1, 5))
        self.assertFalse(lagging.ended)
        self.publish(5)
        self.assertTrue(lagging.ended)
        self.assertEqual(lagging.events, [("run-5", "lagged", {"type": "lagged", "missed": 5})])
        self.assertEqual(len(other.events), 5)
        self.assertEqual(len(self.live.watchers), 1)

    def test_lost_on_the_way(self) -> None:
        """Events that did not even reach us make every watcher come back."""
        _, reader = self.watch()
        self.live.lost(7)
        self.assertTrue(reader.ended)
        self.assertEqual(reader.events[0][2], {"type": "lagged", "missed": 7})

    def test_encoded_once(self) -> None:
        """A hundred watchers cost one encoding of each event."""
        made: list[str] = []
        encode = live_module.encode
        self.patch(live_module, "encode", lambda *given: made.append(given[1]) or encode(*given))
        readers = [self.watch()[1] for _ in range(100)]
        self.publish(1, 2)
        self.assertEqual(made, ["run-1", "run-2"])
        self.assertTrue(all(len(reader.events) == 2 for reader in readers))

    @settings(max_examples=effort(30), deadline=None)
    @given(st.lists(st.sampled_from("epr"), max_size=60))
    def test_never_a_silent_gap(self, steps: list[str]) -> None:
        """Whatever a reader does, it has each event in order, or was told that it lags and let go."""
        live = Live(Clock(), "run", history=10, ring=4)
        reader = Reader()
        watcher = live.watch(reader)
        count = 0
        for step in steps:
            if reader.ended:
                break
            if step == "e":
                count += 1
                live.publish(event(count))
            elif step == "p":
                watcher.pauseProducing()
            else:
                watcher.resumeProducing()
        seen = [content["seq"] for _, name, content in reader.events if name != "lagged"]
        self.assertEqual(seen, list(range(1, len(seen) + 1)))
        self.assertEqual(reader.ended, bool(reader.events and reader.events[-1][1] == "lagged"))
        self.assertLessEqual(count - len(seen), 5)


class StreamTests(ApiCase):
    """The live events over HTTP."""

    def setUp(self) -> None:
        self.serve()

    def open(self, **headers: str) -> tuple[Any, list[bytes]]:
        waiting = self.client.get("http://127.0.0.1:8788/api/stream", headers=headers)
        self.agent.flush()
        response = self.successResultOf(waiting)
        pieces: list[bytes] = []
        self.ended = response.collect(pieces.append)
        self.agent.flush()
        return response, pieces

    def test_stream(self) -> None:
        """The head is there at once, events as they come, resumed after the last id."""
        self.server.live.publish(event(1))
        self.server.live.publish(event(2))
        response, pieces = self.open(**{"Last-Event-ID": "run-1"})
        self.assertEqual(response.headers.getRawHeaders("content-type"), ["text/event-stream"])
        self.server.live.publish(event(3))
        self.agent.flush()
        self.assertEqual([content["seq"] for _, _, content in read_events(b"".join(pieces))], [2, 3])
        self.assertNoResult(self.ended)

    def test_letting_go(self) -> None:
        """A reader that lags is told, its stream ends, and its connection too."""
        _, pieces = self.open()
        (watcher,) = self.server.live.watchers
        watcher.pauseProducing()
        for number in range(300):
            self.server.live.publish(event(number))
        self.agent.flush()
        self.successResultOf(self.ended)
        self.assertEqual(read_events(b"".join(pieces))[-1][1], "lagged")
        self.assertEqual(self.server.live.watchers, set())

    def test_too_many(self) -> None:
        """There is a limit, and who is beyond it is told to come back."""
        self.serve(most=2)
        self.open()
        response = self.ask("/api/stream")
        self.assertEqual((response.code, response.headers.getRawHeaders("retry-after")), (503, ["5"]))
        self.assertIn(b"too_many_watchers", response.body)
        self.get("/api/health")
