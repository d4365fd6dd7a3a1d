"""Agents started by ``ccsproxy AGENT`` as people start them: a service of its own, a child, records, a receipt.

The agents are scripts of a few lines under the names of real ones; the upstream is on loopback. What real agents do
is compared by ``make test-clients``.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ccsproxy.run import read_run_file
from test.integration.harness import ScriptedUpstream, answering, records_in
from test.integration.program import Program, ProgramTestCase, script
from test.integration.writing import JSON, answer

_AGENT = """#!{python}
import json, os, sys, time, urllib.request
base, words = os.environ["ANTHROPIC_BASE_URL"], sys.argv[1:]
body = dict(model="claude-sonnet-4-5", max_tokens=9, messages=[dict(role="user", content=words[0])])
headers = {{"content-type": "application/json", "user-agent": "claude-cli/9.9.9 (external, cli)"}}
def ask():
    asked = urllib.request.Request(base + "/v1/messages", json.dumps(body).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
    for attempt in range(100):
        try:
            return json.load(opener.open(asked, timeout=20))["content"][0]["text"]
        except OSError:
            time.sleep(0.1)
if words[0] == "wait":
    print("ready", flush=True)
    sys.stdin.readline()
print(ask(), flush=True)
if words[0] == "hang":
    time.sleep(60)
sys.exit(int(words[1]) if len(words) > 1 else 0)
"""
_USAGE = {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 900, "output_tokens": 5}
_MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "h\u00e9llo"}], "usage": _USAGE,
}  # fmt: skip


class LauncherCase(ProgramTestCase):
    """A home of its own with agents, and an upstream in the place of Anthropic's."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.home = Path(self.mktemp()).absolute()
        (self.home / "bin").mkdir(parents=True)
        for name in ("claude", "other"):
            program = self.home / "bin" / name
            program.write_text(_AGENT.format(python=sys.executable))
            program.chmod(0o755)
        self.upstream = ScriptedUpstream(answering(answer(json.dumps(_MESSAGE).encode(), JSON)))
        self.port = self.listen(self.upstream)
        self.addCleanup(self.close_peers, self.upstream)
        self.addCleanup(self.end_service)

    async def end_service(self) -> None:
        """End whatever service is left."""
        found = read_run_file(self.data_dir) if self.data_dir.is_dir() else None
        if found is not None:
            os.kill(int(found["pid"]), signal.SIGKILL)

    def ccsproxy(self, *words: str) -> Program:
        """Start the command."""
        environment = {"HOME": str(self.home), "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"}
        return self.spawn([script("ccsproxy"), *words], environment)

    async def up(self) -> dict[str, Any]:  # type: ignore[override]
        """Start a service that stays, with our upstream."""
        options = ("--upstream", f"anthropic=http://127.0.0.1:{self.port}", "--proxy-port", "0", "--api-port", "0")
        await self.done(self.ccsproxy("up", "--data-dir", str(self.data_dir), "--", *options))
        found = read_run_file(self.data_dir)
        assert found is not None
        return found

    def agent(self, *words: str, options: tuple[str, ...] = ()) -> Program:
        """Start an agent under its base URL."""
        return self.ccsproxy("--data-dir", str(self.data_dir), "--via", "base-url", *options, "claude", *words)

    async def done(self, program: Program, status: int = 0) -> str:
        """Wait for the end of a program, and return what it said on standard output."""
        self.assertEqual(await program.ended(), status, program.said)
        return program.output[1].decode()


class LauncherTests(LauncherCase):
    """One start, from the service to the receipt."""

    async def test_record_receipt_and_status(self) -> None:
        """The agent's words and status are its own; the record says who, what and under which label."""
        await self.up()
        program = self.agent("fix it", "7", options=("--label", "task=refund"))
        self.assertEqual(await self.done(program, 7), "h\u00e9llo\n")
        receipt = program.output[2].decode()
        for words in ("1 call", "1.0k tokens sent (90 % cached)", "$0.00", "ccsproxy why"):
            self.assertIn(words, receipt)
        (record,) = records_in(self.data_dir)
        self.assertEqual((record["outcome"], record["client"]["name"]), ("complete", "claude-code"))
        self.assertEqual((record["labels"]["task"], record["client"]["version"]), ("refund", "9.9.9"))

    async def test_quiet(self) -> None:
        """``--quiet`` leaves standard error alone; nothing is written into the home but by the agent, at any time."""
        await self.up()
        before = sorted(self.home.rglob("*"))
        program = self.agent("fix it", options=("--quiet",))
        await self.done(program)
        self.assertEqual(program.output[2], b"")
        self.assertEqual(sorted(self.home.rglob("*")), before)

    async def test_signals_are_the_agents(self) -> None:
        """What is sent to us ends the agent, and then us in the same way."""
        await self.up()
        program = self.agent("hang")
        await self.until(lambda: program.output[1], "the agent's answer")
        program.signal(signal.SIGTERM)
        await self.done(program, -signal.SIGTERM)

    async def test_not_installed(self) -> None:
        """One sentence says so, and no service is left."""
        program = self.ccsproxy("--data-dir", str(self.data_dir), "goose")
        await self.done(program, 1)
        self.assertEqual(program.output[2].decode().count("\n"), 1)
        self.assertIn("Goose is not installed", program.output[2].decode())


class ServiceTests(LauncherCase):
    """The service under several agents, crashes and kills."""

    async def test_crash_under_a_running_agent(self) -> None:
        """The service is started again on its port while the agent runs, and the agent's retry works."""
        found = await self.up()
        program = self.agent("wait")
        await self.until(lambda: b"ready" in program.output[1], "the agent")
        os.kill(int(found["pid"]), signal.SIGKILL)
        program.transport.write(b"go on\n")
        self.assertEqual(await self.done(program), "ready\nh\u00e9llo\n")
        # It answers before it writes down where it is.
        await self.until(lambda: read_run_file(self.data_dir) is not None, "the run file")
        again = read_run_file(self.data_dir) or {}
        self.assertEqual(again["proxy"], found["proxy"])
        self.assertNotEqual(again["pid"], found["pid"])

    async def test_ends_with_its_last_agent(self) -> None:
        """Two agents share one service; when both are gone, so is it."""
        found = await self.up()
        first, second = self.agent("wait"), self.agent("wait")
        await self.until(lambda: b"ready" in first.output[1] and b"ready" in second.output[1], "the agents")
        # As if an agent had started it, and not 'ccsproxy up'; not before they hold it, or it might end at once.
        (self.data_dir / "launch" / "up").unlink()
        first.transport.write(b"\n")
        await self.done(first)
        self.assertIsNotNone(read_run_file(self.data_dir))
        second.signal(signal.SIGKILL)  # its agent goes on, and nobody holds the service for it
        await self.until(lambda: read_run_file(self.data_dir) is None, "the service's end")
        second.transport.closeStdin()
        await second.ended()
        self.assertEqual(len({record["id"] for record in records_in(self.data_dir)}), 1)
        self.assertEqual(found["upstreams"]["anthropic"], f"http://127.0.0.1:{self.port}")

    async def test_two_that_find_none_start_one(self) -> None:
        """Started at the same moment, they agree on one service."""
        programs = [self.ccsproxy("--data-dir", str(self.data_dir), "run", "--", "true") for _ in range(2)]
        for program in programs:
            await self.done(program)
        logs = (self.data_dir / "logs" / "service.log").read_text()
        self.assertEqual(logs.count("ccsproxy relays"), 1, logs)
