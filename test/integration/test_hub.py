"""The hub over a folder of shipped segments: the same pages and API, for each person what their role shows."""

import io
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.state.shipments import Position, Shipment
from ccsproxy.tools.main import main
from test.ship.reader_contract import fill, folder, words_of
from test.ship.segments import Segments


class HubTestCase(SynchronousTestCase):
    """One hub over a folder."""

    def setUp(self) -> None:
        """Ship some calls into a folder."""
        segments, self.lake = Segments(folder(self.mktemp())), folder(self.mktemp())
        self.made = self.filled(segments)
        self.source = f"file://{self.lake}"
        address = ship_address(self.source)
        target = ObjectTarget(TargetContext(None, address, Credentials(), "h", str(segments.data_dir)))
        source, place = RecordSource(segments.data_dir, "h"), Position()
        while batch := source.next(Shipment("t", place), BatchLimits(), True, whole=True):
            target._send(batch)  # type: ignore[arg-type]
            place = batch.after

    def filled(self, segments: Segments) -> list[dict[str, Any]]:
        """Make the calls."""
        return fill(segments, 60)

    def start(self, *arguments: str) -> None:
        """Start the command, and wait until it says where it is."""
        command = [sys.executable, "-m", "ccsproxy.tools", "hub", "--from", self.source, "--api-port", "0"]
        self.hub = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        assert self.hub.stdout is not None
        self.url = self.hub.stdout.readline().split()[1].rstrip("/")

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.hub.send_signal(signal.SIGINT)
        self.hub.communicate(timeout=30)

    def get(self, path: str, person: str = "", method: str = "GET", **more: str) -> tuple[int, bytes]:
        """Ask for something."""
        headers = {"X-Person": person, **more} if person else dict(more)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(
                urllib.request.Request(self.url + path, headers=headers, method=method), timeout=60
            ) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def listed(self, person: str = "") -> set[str]:
        """Return the ids of all calls that somebody sees."""
        status, body = self.get("/api/requests?limit=1000", person)
        self.assertEqual(status, 200)
        found: Any = json.loads(body)
        return {each["id"] for each in (found if isinstance(found, list) else found["requests"])}


class HubTests(HubTestCase):
    """One hub, several people."""

    def test_everything_for_oneself(self) -> None:
        """On loopback, without a header, this user sees all: lists, a session, a call, sums, a search, the pages."""
        self.start()
        self.assertEqual(self.listed(), {each["id"] for each in self.made})
        one = self.made[20]
        session, seq = one["session_id"], one["seq"]
        status, body = self.get(f"/api/requests/{session}/{seq}")
        self.assertEqual((status, json.loads(body)["request"]["body"]), (200, one["request"]["body"]))
        for path in (
            "/", "/sessions", "/requests", f"/s/{session}", f"/s/{session}/{seq}", "/stats", "/health", "/costs",
            f"/api/sessions/{session}", f"/api/sessions/{session}/conversation", "/api/stats", "/api/meta",
            "/api/requests?q=errors:yes", f"/api/requests/{session}/{seq}/cost", f"/api/export/{session}?format=md",
        ):  # fmt: skip
            self.assertIn(self.get(path)[0], (200, 404) if "/api/" not in path else (200,), path)
        self.assertIn(session.encode(), self.get(f"/s/{session}")[1])

    def test_nothing_to_change(self) -> None:
        """No request changes anything, whoever sends it; a page of another site reads nothing either."""
        self.start()
        one = self.made[20]
        path = f"/api/annotations/{one['session_id']}/{one['seq']}"
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            for where in (path, "/", "/api/sessions", f"/api/sessions/{one['session_id']}"):
                self.assertIn(self.get(where, method=method)[0], (404, 405), (method, where))
        for header in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(self.get("/api/sessions", **header)[0], 403, header)
        self.assertEqual(self.get("/api/sessions", Host="evil.example")[0], 421)

    def test_roles(self) -> None:
        """Each sees their own, some see all, nobody sees nothing; who looked is noted, whatever the answer was."""
        roles, audit = Path(self.mktemp()), Path(self.mktemp())
        roles.write_text('[people]\nlead = "all"\nann = { role = "own", user = "u1" }\n')
        self.start("--auth-header", "X-Person", "--roles", str(roles), "--audit", str(audit))
        self.assertEqual(self.listed("lead"), {each["id"] for each in self.made})
        own = {each["id"] for each in self.made if each["labels"]["user"] == "u1"}
        self.assertEqual(self.listed("ann"), own)
        self.assertEqual(self.listed("stranger"), set())
        other = next(each for each in self.made if each["labels"]["user"] == "u0")
        self.assertEqual(self.get(f"/api/requests/{other['session_id']}/{other['seq']}", "ann")[0], 404)
        self.assertEqual(self.get("/api/requests")[0], 403)
        self.assertEqual(self.get("/", "")[0], 403)
        noted = [json.loads(line) for line in audit.read_text().splitlines()]
        self.assertEqual({each["who"] for each in noted}, {"lead", "ann", "stranger", None})
        self.assertIn(f"/api/requests/{other['session_id']}/{other['seq']}", [each["target"] for each in noted])

    def test_commands(self) -> None:
        """Commands that read say of what was shipped what they say of a data dir."""
        one = self.made[20]
        place = f"{one['session_id']}/{one['seq']}"
        for command, said in (
            (["ls", "-n", "5"], one["model"].split("-")[0]),
            (["ls", "--sessions"], one["session_id"][:6]),
            (["show", place], one["model"]),
            (["search", "-n", "3", words_of(one)[0]], ""),
            (["stats"], one["model"]),
            (["cost", "--by", "model"], one["model"]),
            (["why", place], ""),
            (["export", one["session_id"], "--format", "jsonl"], one["id"]),
        ):
            out = io.StringIO()
            self.patch(sys, "stdout", out)
            status = main([*command, "--from", f"file://{self.lake}", "--data-dir", "no/such/folder"])
            self.assertEqual(status, 0, f"{command}: {out.getvalue()[:300]}")
            self.assertIn(said, out.getvalue(), command)

    def test_mistakes(self) -> None:
        """One sentence each."""
        for arguments, status in (
            (["--from", "https://x"], 2),
            (["--from", "jsonl+https://x/y"], 2),
            (["--from", f"file://{self.lake}", "--roles", "nothing"], 1),
            (["--from", "clickhouse+https://user:word@x/y"], 2),
        ):
            said = io.StringIO()
            self.patch(sys, "stderr", said)
            self.assertEqual(main(["hub", *arguments]), status, arguments)
            self.assertEqual(len(said.getvalue().strip().splitlines()), 1, said.getvalue())


class DeadEngineTests(HubTestCase):
    """An engine that does not answer, and comes back."""

    def setUp(self) -> None:
        """Name a database where nobody listens yet."""
        self.port = free_port()
        self.source = f"clickhouse+http://127.0.0.1:{self.port}/llm"

    def test_down(self) -> None:
        """Pages and API say so with a status of their own, the hub stays; commands say it in one sentence."""
        self.start()
        for path in ("/", "/calls", "/overview", "/api/sessions", "/api/stats", "/api/requests/s/1", "/api/leaks"):
            status, body = self.get(path)
            self.assertEqual(status, 503, path)
            self.assertIn(b"cannot be read at the moment", body, path)
            self.assertNotIn(b"Traceback", body)
        status, body = self.get("/api/health")
        health = json.loads(body)
        unknown = [health[name] for name in ("store", "dropped", "stored", "upstreams", "redact")]
        self.assertEqual((status, health["status"], unknown), (200, "ok", [None] * 5))
        self.assertEqual(self.get("/metrics")[0], 200)
        for command in (["ls"], ["stats"], ["cost"], ["why", "s/1"], ["search", "word"], ["leaks"]):
            said = io.StringIO()
            self.patch(sys, "stderr", said)
            self.assertEqual(main([*command, "--from", self.source]), 1, command)
            self.assertEqual(len(said.getvalue().strip().splitlines()), 1, said.getvalue())
            self.assertIn("does not answer", said.getvalue())

    def test_torn_answers(self) -> None:
        """What is no answer of a ClickHouse is no fault of the hub's."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), Odd)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.start()
        for number, answer in enumerate(ODD):
            Odd.answer = answer
            self.assertEqual(self.get(f"/api/requests?limit={number + 1}")[0], 503, answer)
            self.assertEqual(self.get(f"/calls?limit={number + 1}")[0], 503, answer)


#: What something that is no ClickHouse may answer: status and body.
ODD = (
    (500, b"Code: 241. Memory"),
    (200, b""),
    (200, b"<html>"),
    (200, b'{"data":'),
    (403, b""),
    (200, b"[]"),
    (302, b""),
)


class Odd(BaseHTTPRequestHandler):
    """Answers everything with `answer`."""

    answer: tuple[int, bytes] = (500, b"")

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(self.answer[0])
        self.send_header("Content-Length", str(len(self.answer[1])))
        self.end_headers()
        self.wfile.write(self.answer[1])

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
