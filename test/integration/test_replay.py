"""Calls of the demo, sent again and given again: with the recorder killed, readers that leave, and slow ones."""

import io
import json
import os
import signal
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.web.server import Site

from ccsproxy.demo.answers import TEXT
from ccsproxy.demo.calls import CLAUDE, CODEX, _anthropic
from ccsproxy.demo.upstream import MockUpstream
from ccsproxy.tools.answers import replay
from ccsproxy.tools.main import main
from test.integration.harness import Peer, at_port, records_in
from test.integration.program import Program, ProgramTestCase, script
from test.integration.writing import head, post

STREAMED = _anthropic("Why does test_headers fail?", stream=True)

_AGENT = f"""#!{sys.executable}
import json, os, urllib.request
asked = urllib.request.Request(
    os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", {json.dumps(STREAMED)!r}.encode(),
    {{"content-type": "application/json"}})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
print(len(opener.open(asked).read()))
"""


def recorder_of(pid: int) -> int:
    """Return the recorder among the children of a process."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return next(int(each) for each in children if b"ccsproxy.capture" in Path(f"/proc/{each}/cmdline").read_bytes())


def asking(port: int, body: bytes) -> bytes:
    """Write a request to the API."""
    fields = [("Host", f"127.0.0.1:{port}"), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return head("POST /api/replay HTTP/1.1", fields) + body


class CountedSite(Site):
    """Counts requests."""

    requests = 0

    def getResourceFor(self, request: Any) -> Any:
        self.requests += 1
        self.key = request.getHeader("x-api-key")
        return super().getResourceFor(request)


class ReplayCase(ProgramTestCase):
    """A service in this process before the demo's upstream, with calls recorded."""

    async def record(self, **settings: Any) -> None:
        """Make two calls of two agents, and one that breaks off."""
        self.upstream = CountedSite(MockUpstream(reactor, pace=0.01, think=0.05))
        port = self.listen(self.upstream)
        running = await self.start(at_port(port, "anthropic"), at_port(port, "openai"), **settings)
        self.run_file = {"proxy": running.proxy_urls}
        claude, codex = ([(name, value) for name, value in fields.items()] for fields in (CLAUDE, CODEX))
        kind = ("Content-Type", "application/json")
        await self.ask(post("/v1/messages", json.dumps(STREAMED).encode(), kind, *claude))
        body = {"model": "gpt-6.1-sol", "stream": True, "input": "Fix test_headers, please."}
        await self.ask(post("/openai/v1/responses", json.dumps(body).encode(), kind, *codex))
        leaving = await self.connect()
        leaving.send(post("/v1/messages", json.dumps(_anthropic("All.", stream=True)).encode(), kind, *claude))
        await leaving.until(lambda: b"text_delta" in leaving.received)
        leaving.leave()
        await self.records(3)

    def ccsproxy(self, *words: str, **environment: str) -> Program:
        """Start the command."""
        return self.spawn([script("ccsproxy"), *words, "--data-dir", str(self.data_dir.absolute())], environment)

    async def said(self, program: Program, status: int = 0) -> str:
        """Wait for the end of a command, and return its output."""
        self.assertEqual(await program.ended(), status, program.said)
        return program.output[1].decode()


class SentAgainTests(ReplayCase):
    """``ccsproxy replay``."""

    async def test_through_the_service_whose_recorder_is_killed(self) -> None:
        """The answer is whole, the key is ours, and the new call is in a session of its own, with its label."""
        await self.record()
        os.kill(recorder_of(os.getpid()), signal.SIGKILL)
        words = ("replay", "demo-session-1/1", "--model", "claude-haiku-4-5", "--json")
        found = json.loads(await self.said(self.ccsproxy(*words, ANTHROPIC_API_KEY="k-mine")))
        before, again = found["calls"]
        self.assertEqual((before["text"], again["text"], again["model"]), (TEXT, TEXT, "claude-haiku-4-5"))
        self.assertEqual(
            (again["outcome"], again["usage"]["output_tokens"], self.upstream.key), ("complete", 96, "k-mine")
        )
        await self.until(lambda: len(records_in(self.data_dir)) == 4, "the record of the new call")
        (made,) = [each for each in records_in(self.data_dir) if "replay_of" in each["labels"]]
        self.assertEqual((made["labels"]["replay_of"], made["model"]), ("demo-session-1/1", "claude-haiku-4-5"))
        self.assertNotEqual(made["session_id"], "demo-session-1")
        self.assertNotIn("k-mine", json.dumps(records_in(self.data_dir)))

    async def test_straight_where_no_service_runs(self) -> None:
        """Twice, changed, and shown as it comes; a call that is not recorded is said to be none."""
        await self.record()
        assert self.running is not None
        await self.running.shutdown()
        asked = self.upstream.requests
        words = ("replay", "demo-session-1/1", "-n", "2", "--without-tool", "edit_*", "--set", "max_tokens=7")
        said = await self.said(self.ccsproxy(*words, ANTHROPIC_API_KEY="k"))
        self.assertEqual((said.count(TEXT), self.upstream.requests - asked), (2, 2))
        self.assertIn("not recorded", said)

    async def test_what_cannot_be_sent(self) -> None:
        """One sentence each, and nothing is asked."""
        await self.record()
        asked = self.upstream.requests
        program = self.ccsproxy("replay", "demo-session-1/1")
        await self.said(program, 1)
        self.assertIn("set ANTHROPIC_API_KEY", program.output[2].decode())
        self.assertEqual(program.output[2].count(b"\n"), 1, program.said)
        self.patch(replay, "_label", lambda call: None)  # would begin this process anew
        for words, sentence, status in (
            (("demo-session-1/9",), "9", 1),
            (("demo-session-1/1", "--without-tool", "none"), "it has edit_file", 2),
            (("demo-session-1/1", "--set", "x"), "is not a setting", 2),
            (("demo-session-1/1", "-n", "99"), "1 to 20", 2),
            (("demo-session-1/1", "--system", "/nowhere"), "nowhere", 1),
        ):
            complaint = io.StringIO()
            with redirect_stderr(complaint):  # in this process, since nothing is sent
                self.assertEqual(main(["replay", *words, "--data-dir", str(self.data_dir.absolute())]), status, words)
            self.assertIn(sentence, complaint.getvalue())
            self.assertEqual(complaint.getvalue().count("\n"), 1, complaint.getvalue())
        self.assertEqual(self.upstream.requests, asked)


class AskedByProgramsTests(ReplayCase):
    """``POST /api/replay``."""

    async def test_sent_again(self) -> None:
        """Where the service was told that it may; the rest is as the command has it. Else there is no such place."""
        os.environ["ANTHROPIC_API_KEY"] = "k-service"
        self.addCleanup(os.environ.pop, "ANTHROPIC_API_KEY")
        await self.record(no_api=False, api_port=0, replay=True)
        assert self.running is not None
        port = int(self.running.api_urls[0].rpartition(":")[2])
        body = {"session_id": "demo-session-1", "seq": 1, "model": "claude-haiku-4-5", "system": "Be brief."}
        client = await self.connect(port)
        client.send(asking(port, json.dumps(body).encode()))
        answer = await client.message()
        self.assertEqual(answer.status, 200, answer.body)
        found = json.loads(answer.body)
        self.assertEqual((found["calls"][1]["text"], found["calls"][1]["model"]), (TEXT, "claude-haiku-4-5"))
        self.assertEqual((self.upstream.key, len(found["recorded"])), ("k-service", 1))
        await self.until(lambda: len(records_in(self.data_dir)) == 4, "the record of the new call")
        (made,) = [each for each in records_in(self.data_dir) if "replay_of" in each["labels"]]
        self.assertEqual(made["request"]["body"]["system"], "Be brief.")

    async def test_off_by_default(self) -> None:
        await self.record(no_api=False, api_port=0)
        assert self.running is not None
        port = int(self.running.api_urls[0].rpartition(":")[2])
        client = await self.connect(port)
        client.send(asking(port, b"{}"))
        self.assertEqual((await client.message()).status, 404)


class GivenAgainTests(ReplayCase):
    """``ccsproxy mock`` and ``--replay-into``."""

    async def mock(self, *words: str) -> tuple[Program, int]:
        """Start the mock, and return it and its port."""
        program = self.ccsproxy("mock", *words, "--json")
        await self.until(lambda: program.output[1].endswith(b"}\n"), "the mock's address")
        return program, int(json.loads(program.output[1])["url"].rpartition(":")[2])

    async def test_readers_that_leave_and_slow_ones(self) -> None:
        """One leaves in the middle, one reads late; neither costs the third anything, whose answer is equal."""
        await self.record()
        program, port = await self.mock("demo-session-1", "demo-session-2")
        asked = post("/v1/messages", json.dumps(STREAMED).encode(), ("Content-Type", "application/json"))
        leaving, slow, third = [await self.connect(port) for _ in range(3)]
        for client in (leaving, slow):
            client.send(asked)
        await leaving.until(lambda: b"message_start" in leaving.received)
        leaving.leave()
        slow.transport.pauseProducing()  # type: ignore[union-attr]
        third.send(asked)
        whole = (await third.message()).body
        self.assertIn(b"message_stop", whole)
        slow.transport.resumeProducing()  # type: ignore[union-attr]
        self.assertEqual((await slow.message()).body, whole)
        recorded = next(
            each for each in records_in(self.data_dir) if each["session_id"] == "demo-session-1" and each["seq"] == 1
        )
        self.assertEqual(whole.decode(), recorded["response"]["stream"]["text"])
        await self.cut_and_refused(port)
        program.signal(signal.SIGINT)
        told = json.loads((await self.said(program)).splitlines()[-1])
        self.assertEqual((told["answered"], told["refused"], told["left"]), (4, 2, ["demo-session-2/1"]))

    async def cut_and_refused(self, port: int) -> None:
        """What broke off breaks off again; what was not recorded is 404, and a web page is told to stay away."""
        cut: Peer = await self.connect(port)
        cut.send(post("/v1/messages", json.dumps(_anthropic("All.", stream=True)).encode()))
        await cut.end()
        self.assertIn(b"text_delta", cut.received)
        self.assertFalse(cut.received.endswith(b"0\r\n\r\n"))
        other = await self.connect(port)
        other.send(post("/v1/messages", b'{"model": "m", "messages": [{"role": "user", "content": "else"}]}'))
        answer = await other.message()
        self.assertEqual((answer.status, json.loads(answer.body)["type"]), (404, "error"))
        page = await self.connect(port)
        page.send(post("/v1/messages", b"{}", ("Origin", "https://evil.example")))
        self.assertEqual((await page.message()).status, 403)

    async def test_at_the_recorded_pace(self) -> None:
        """A stream takes as long as it took, or as much less as is asked for."""
        await self.record()
        spans = []
        for words in (("demo-session-1/1",), ("demo-session-1/1", "--speed", "0")):
            _, port = await self.mock(*words)
            client = await self.connect(port)
            began = reactor.seconds()  # type: ignore[attr-defined]
            client.send(post("/v1/messages", json.dumps(STREAMED).encode()))
            await client.message()
            spans.append(reactor.seconds() - began)  # type: ignore[attr-defined]
        self.assertGreater(spans[0], 0.3)

    async def test_an_agent_against_it(self) -> None:
        """It gets the recorded answer, the provider hears nothing, and nothing is recorded."""
        await self.record()
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        (home / "claude").write_text(_AGENT)
        (home / "claude").chmod(0o755)
        asked = self.upstream.requests
        words = [
            "--data-dir",
            str(self.data_dir.absolute()),
            "--via",
            "base-url",
            "--replay-into",
            "demo-session-1",
            "claude",
        ]
        program = self.spawn([script("ccsproxy"), *words], {"PATH": f"{home}:{os.environ['PATH']}"})
        recorded = next(
            each for each in records_in(self.data_dir) if each["session_id"] == "demo-session-1" and each["seq"] == 1
        )
        self.assertEqual(int(await self.said(program)), recorded["response"]["body_bytes"])
        self.assertIn("1 requests were answered from records, 0 matched none", program.output[2].decode())
        await deferLater(reactor, 0.1)
        self.assertEqual((self.upstream.requests, len(records_in(self.data_dir))), (asked, 3))

    async def test_no_such_session(self) -> None:
        """A sentence, and the agent is not started."""
        await self.record()
        words = [
            "--data-dir",
            str(self.data_dir.absolute()),
            "--replay-into",
            "nobody",
            "run",
            "--",
            "echo",
            "started",
        ]
        program = self.spawn([script("ccsproxy"), *words])
        self.assertEqual(await self.said(program, 1), "")
        self.assertIn("There is no session 'nobody'", program.output[2].decode())
