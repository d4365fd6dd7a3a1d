"""Who called, in which session and with which number: for every agent, in crowds, and across restarts."""

import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults

from ccsproxy.service import serve
from test.integration.harness import ProxiedTestCase, answering, records_in
from test.integration.writing import JSON, answer, post

CLAUDE = ("User-Agent", "claude-cli/2.1.197 (external, cli)")
SID, PARENT, AGENT = "1111aaaa-0000-4000-8000-000000000001", "main-agent", "sub-agent-7"
USER = json.dumps({"device_id": "d", "account_uuid": "acc-1", "session_id": SID})
OLD_USER = f"user_abc_account_acc-2_session_{SID}"
WHERE = "Primary working directory: /home/me/project\nPlatform: linux"
TURN = json.dumps({"session_id": SID, "thread_id": "th-1", "agent_name": "worker"})
META = {"x-codex-turn-metadata": TURN}
CODEX = [("User-Agent", "codex_exec/0.169.0 (Linux)"), ("session-id", SID), ("thread-id", SID)]
CONTEXT = "<environment_context>\n  <cwd>/home/me/project</cwd>\n</environment_context>"


class SessionTests(ProxiedTestCase):
    """A running service and an upstream that always says the same."""

    async def begin(self, **settings: Any) -> None:
        await self.start_scripted(answering(answer(b"{}", JSON)), **settings)

    async def call(self, path: str, body: Any, *fields: tuple[str, str]) -> None:
        await self.ask(post(path, json.dumps(body).encode(), JSON, *fields))

    async def test_who_calls(self) -> None:
        """Claude Code by header and by body, Codex, Gemini CLI, OpenCode, SDKs: client, session and directory.

        All of them are this process, so that calls which name no session and hold no messages go to the latest.
        """
        await self.begin()
        assert self.running is not None
        said = [{"role": "user", "content": [{"type": "input_text", "text": CONTEXT}]}]
        sub = [("X-Claude-Code-Agent-Id", AGENT), ("X-Claude-Code-Parent-Agent-Id", PARENT)]
        calls: list[tuple[str, Any, list[tuple[str, str]], tuple[Any, ...]]] = [
            ("/v1/messages", {"model": "m", "system": WHERE}, [CLAUDE, ("X-Claude-Code-Session-Id", SID)],
             (SID, "claude-code", "2.1.197", "/home/me/project", None)),
            ("/v1/messages", {"model": "m", "metadata": {"user_id": USER}, "system": [{"text": WHERE}]}, [CLAUDE],
             (SID, "claude-code", "2.1.197", "/home/me/project", None)),
            ("/v1/messages", {"model": "m", "metadata": {"user_id": OLD_USER}}, [CLAUDE, *sub],
             (SID, "claude-code", "2.1.197", None, AGENT)),
            ("/v1/responses", {"model": "m", "input": said, "client_metadata": META}, CODEX,
             (SID, "codex", "0.169.0", "/home/me/project", None)),
            ("/v1beta/models/g:generateContent", {"contents": []}, [("User-Agent", "GeminiCLI/0.9.0/g (linux; x64)")],
             (SID, "gemini-cli", "0.9.0", None, None)),
            ("/v1/messages", {"model": "m"}, [("User-Agent", "opencode/1.0"), ("x-session-id", "ses_1")],
             ("ses_1", "opencode", "1.0", None, None)),
            ("/v1/messages", {"model": "m"}, [("User-Agent", "Anthropic/Python 0.80.0")],
             ("ses_1", None, "0.80.0", None, None)),
            ("/v1/messages", {"model": "m"}, [], ("ses_1", None, None, None, None)),
        ]  # fmt: skip
        for path, body, fields, _ in calls:
            await self.call(path, body, *fields)
        records = await self.records(len(calls))
        for record, (*_, expected) in zip(records, calls, strict=True):
            client = record["client"]
            found = (record["session_id"], client["name"], client["version"], client["cwd"])
            self.assertEqual((found[0], *found[2:]), (expected[0], *expected[2:4]), record["request"]["headers"])
            if expected[1] is not None:
                self.assertEqual(found[1], expected[1])
            if expected[4] is not None:
                self.assertEqual((client["agent"], client["parent_agent"]), (AGENT, PARENT))
        self.assert_numbered(records)
        self.assertEqual(records[1]["client"]["account"], "acc-1")

    def assert_numbered(self, records: list[dict[str, Any]]) -> None:
        """Within each session the numbers are 1 to n, none twice."""
        numbers: dict[str, list[int]] = {}
        for record in records:
            numbers.setdefault(record["session_id"], []).append(record["seq"])
        for sid, found in numbers.items():
            self.assertEqual(sorted(found), list(range(1, len(found) + 1)), sid)

    async def crowd(self, count: int) -> None:
        """Call at the same time, as sub-agents of two sessions, some named by headers and some by bodies."""
        calls = []
        for number in range(count):
            sid = f"{number % 2}{SID[1:]}"
            agent = ("X-Claude-Code-Agent-Id", f"agent-{number}")
            if number % 3:
                fields, body = [CLAUDE, ("X-Claude-Code-Session-Id", sid), agent], {"model": "m"}
            else:
                user = json.dumps({"session_id": sid})
                fields, body = [CLAUDE, agent], {"model": "m", "metadata": {"user_id": user}}  # type: ignore[dict-item]
            calls.append(self.call("/v1/messages", body, *fields))
        await gatherResults([ensureDeferred(each) for each in calls])

    async def restart(self) -> None:
        """Stop the service and start another on the same data dir."""
        assert self.running is not None
        await self.running.shutdown()
        self.running = await serve(self.config, reactor)
        self.addCleanup(self.running.shutdown)

    async def test_crowds_across_restarts(self) -> None:
        """50 calls at a time, before and after a restart, then without the index: no gap, no number twice."""
        await self.begin()
        agents = [f"agent-{number}" for number in range(50)]
        for turn in range(3):
            if turn == 2:
                await self.without_index()
            elif turn:
                await self.restart()
            await self.crowd(50)
            await self.until(self.all_stored, "records")
        assert self.running is not None
        await self.running.shutdown()
        found = records_in(self.data_dir)
        self.assertEqual(len(found), 150)
        self.assert_numbered(found)
        self.assertEqual({record["session_id"] for record in found}, {f"{n}{SID[1:]}" for n in range(2)})
        self.assertEqual(sorted(r["client"]["agent"] for r in found), sorted(agents * 3))

    def all_stored(self) -> bool:
        assert self.running is not None
        return bool(self.running.health()["stored"] == 50)

    async def without_index(self) -> None:
        """Restart with the index removed."""
        assert self.running is not None
        await self.running.shutdown()
        for path in Path(self.data_dir).glob("index.sqlite3*"):
            path.unlink()
        await self.restart()
