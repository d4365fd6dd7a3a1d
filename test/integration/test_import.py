"""``ccsproxy import`` as it is run: an old data dir with secrets and damage comes in, once, and can be read."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue

from ccsproxy.exchange.record import SCHEMA_VERSION
from test.exchange.test_upgrade import version_1
from test.integration.canaries import Canaries
from test.integration.harness import answering, records_in
from test.integration.test_canaries import pieces
from test.integration.watched import WatchedTestCase
from test.integration.writing import END, JSON, answer, anthropic, post, sse

SID = "2026-01-02T03-04-05-006Z-abcdef12"
ODD: tuple[Any, ...] = (None, 5, True, "\ud800", [1], {"a": [1]}, 10**30)


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return the paths of all members of nested objects."""
    if not isinstance(value, dict):
        return []
    return [(key, *rest) for key, child in value.items() for rest in ((), *places(child))]


def changed(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a record with another value at a path."""
    copy: dict[str, Any] = json.loads(json.dumps(record))
    node = copy
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copy


class ImportTests(WatchedTestCase):
    """A made data dir of ccs-proxy, the command in a process of its own, and a service on what it brought in."""

    def setUp(self) -> None:
        self.source = Path(self.mktemp()).absolute()
        self.imported = Path(self.mktemp()).absolute()
        self.canaries = Canaries(3)

    def put(self, name: str, content: Any, session: str = SID) -> None:
        """Write a file of a session."""
        folder = self.source / "sessions" / session
        folder.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(data)

    async def run_import(self) -> dict[str, Any]:
        """Run the command, and return its report."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "ccsproxy.tools", "import", "--json", "--data-dir", str(self.imported), str(self.source)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            reactor=reactor,
        )
        self.assertEqual(status, 0, (out, err))
        self.assertNotIn(b"Traceback", err)
        self.assertEqual(list(self.canaries.found("the command's output", out + err)), [])
        report: dict[str, Any] = json.loads(out)
        return report

    def secret_record(self, seq: int) -> dict[str, Any]:
        """Return a record that is full of secrets."""
        c = self.canaries
        told = sse(anthropic(pieces(c.key("delta")), pieces(json.dumps({"password": c.password("argument")})), *END))
        request = {
            "method": "POST",
            "path": f"/v1/messages?key={c.password('query')}",
            "headers": {"x-api-key": c.password("header"), "user-agent": f"claude-cli/2 {c.key('agent')}"},
            "body": {"system": f"Primary working directory: /home/{c.key('cwd')}", "api_key": c.password("key")},
        }
        response = {
            "status": 200,
            "headers": {"set-cookie": f"a={c.password('cookie')}"},
            "body_reassembled": {"content": [{"type": "text", "text": c.key("text")}], "stop_reason": c.key("stop")},
            "raw_sse_text": told.decode(),
            "raw_sse_frames_count": 9,
        }
        error = {"kind": "upstream_http_error", "message": f"invalid key {c.key('error')}"}
        return version_1(seq=seq, session_id=SID, model=c.key("model"), request_id=c.key("request id"),
                         request=request, response=response, error=error)  # fmt: skip

    async def test_secrets_and_idempotence(self) -> None:
        """Nothing secret comes in; a second run adds nothing; a service goes on with the session's numbers."""
        self.put("meta.json", {"upstream": "https://api.anthropic.com"})
        for seq in (1, 2, 3):
            self.put(f"{seq:04d}.json", self.secret_record(seq))
        deep = b'{"a":' * 400 + b'"x"' + b"}" * 400
        record = json.dumps(version_1(seq=4, session_id=SID)).encode()
        self.put("0004.json", record.replace(b'"body": {', b'"body": {"deep": ' + deep + b", ", 1))
        report = await self.run_import()
        self.assertEqual((report["records"], report["known"], report["skipped"]), (4, 0, []))
        again = await self.run_import()
        self.assertEqual((again["records"], again["known"], again["skipped"]), (0, 4, []))
        self.assertEqual(list(self.canaries.found_in_files(self.imported)), [])
        found = records_in(self.imported)
        self.assertEqual([each["seq"] for each in found], [1, 2, 3, 4])
        self.assertIsInstance(found[3]["request"]["body"], str)

    async def test_damaged_files(self) -> None:
        """Every member of a record replaced by something odd: it is skipped and named, or can be read afterwards."""
        good = version_1(seq=1, session_id=SID)
        count = 0
        for path in places(good):
            for odd in ODD:
                count += 1
                self.put(f"{count:05d}.json", changed({**good, "seq": count}, path, odd))
        for name, data in (("a.json", b""), ("b.json", b"\xff"), ("c.json", b"[" * 5000), ("d.json", b"{}")):
            self.put(name, data)
        (self.source / "sessions" / SID / "link.json").symlink_to("/etc/passwd")
        self.put("0001.json", good, "no session's name")
        report = await self.run_import()
        total = report["records"] + report["known"] + len(report["skipped"])
        self.assertEqual(total, count + 6)
        self.assertGreater(report["records"], count // 3)
        found = records_in(self.imported)
        self.assertEqual(len(found), report["records"])
        self.assertEqual(len({(each["session_id"], each["seq"]) for each in found}), len(found))
        again = await self.run_import()
        self.assertEqual(again["records"], 0)
        await self.serve_imported(len(found))

    async def serve_imported(self, count: int) -> None:
        """Start a service on the imported store: every record can be read, and the session's numbers go on."""
        await self.start_scripted(answering(answer(b"{}", JSON)), no_api=False, api_port=0, data_dir=self.imported)
        assert self.running is not None
        self.api_port = int(self.running.api_urls[0].rpartition(":")[2])
        rows = json.loads(await self.get(f"/api/sessions/{SID}"))["requests"]
        self.assertEqual(len(rows), count)
        for row in rows[:: max(1, len(rows) // 10)]:
            record = json.loads(await self.get(f"/api/requests/{SID}/{row['seq']}"))
            self.assertEqual((record["seq"], record["schema_version"]), (row["seq"], SCHEMA_VERSION))
            for kind in ("raw", "md", "har", "curl", "html"):
                self.assertTrue(await self.get(f"/api/export/{SID}/{row['seq']}?format={kind}"))
        agent = [("X-Claude-Code-Session-Id", SID), ("User-Agent", "claude-cli/2.1 (external, cli)")]
        await self.ask(post("/v1/messages", b"{}", *agent))
        running = self.running
        await self.until(lambda: running.health()["stored"] == 1, "the record")
        newest = [each for each in records_in(self.imported) if each["upstream"] == "test"]
        self.assertEqual([each["seq"] for each in newest], [max(row["seq"] for row in rows) + 1])
