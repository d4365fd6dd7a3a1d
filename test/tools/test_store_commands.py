"""Tests of the commands that work on a data dir: what they do, say and return."""

import argparse
import io
import json
from types import ModuleType
from typing import Any

from ccsproxy.store import control
from ccsproxy.store.directory import Lock
from ccsproxy.store.query import Query
from ccsproxy.store.segments.segment import segments_dir
from ccsproxy.tools.store import du, gc, import_store, keep, reindex, rm, verify
from test.store.test_import_v1 import SESSION, OldStore


class CommandCase(OldStore):
    """A store of 40 exchanges, and commands that are run on it."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        self.data_dir.chmod(0o700)
        self.records = self.segments.fill(40)
        segments_dir(self.data_dir).chmod(0o700)

    def call(self, command: ModuleType, *arguments: str, data_dir: Any = None) -> tuple[int, str, str]:
        """Run a command.

        :return: status, output, errors.
        """
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        args = parser.parse_args(["--data-dir", str(data_dir or self.data_dir), *arguments])
        return command.run(args, out, err), out.getvalue(), err.getvalue()

    def on_disk(self) -> bytes:
        """Return every byte of the data dir, segments unpacked."""
        from ccsproxy.store.segments.lines import SegmentLines

        lines = SegmentLines(self.data_dir)
        said = b"".join(line.data for name in lines.names() for line in lines.scan(name))
        return said + b"".join(path.read_bytes() for path in self.data_dir.iterdir() if path.is_file())


class CommandTests(CommandCase):
    """Each command."""

    def test_reindex_and_verify(self) -> None:
        """A store without index is bad, one that was indexed is good; both are said in text and JSON."""
        self.assertEqual(self.call(verify)[0], 1)
        status, said, _ = self.call(reindex, "--json")
        self.assertEqual((status, json.loads(said)["lines"]), (0, 80))
        status, said, _ = self.call(verify)
        self.assertEqual((status, said.splitlines()[-1].endswith("40 records: nothing is wrong")), (0, True))
        report = json.loads(self.call(verify, "--json")[1])
        self.assertEqual((report["good"], sum(each["records"] for each in report["segments"])), (True, 40))

    def test_rm_leaves_nothing(self) -> None:
        """A removed session is in no file any more; the others are as they were."""
        self.call(reindex)
        gone = self.records[0]
        text = gone["request"]["body"]["messages"][0]["content"][0]["text"]
        self.assertIn(gone["session_id"].encode(), self.on_disk())
        status, said, _ = self.call(rm, gone["session_id"])
        self.assertEqual((status, "is removed" in said), (0, True))
        left = self.on_disk()
        self.assertNotIn(gone["session_id"].encode(), left)
        self.assertNotIn(text.encode(), left)
        kept = [record for record in self.records if record["session_id"] != gone["session_id"]]
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), len(kept))
        for record in kept[::5]:
            self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)
        self.assertEqual(self.call(verify)[0], 0)
        self.assertEqual(self.call(rm, gone["session_id"])[0], 1)

    def test_gc_compresses_and_expires(self) -> None:
        """Closed segments are compressed; with a small bound only kept sessions stay."""
        self.call(reindex)
        status, _, _ = self.call(gc, "--retain-days", "0")
        self.assertEqual(status, 0)
        self.assertEqual(list(segments_dir(self.data_dir).glob("*.jsonl")), [])
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), 40)
        star = self.records[0]["session_id"]
        self.assertEqual(self.call(keep, star)[:2], (0, star + "\n"))
        self.call(gc, "--retain-days", "0", "--retain-size", "1")
        items = self.reader.requests(Query(limit=1000)).items
        self.assertEqual({item["session_id"] for item in items}, {star})
        self.assertEqual(self.call(verify)[0], 0)
        self.assertEqual(self.call(keep, "--undo", "--json", star)[:2], (0, "[]\n"))

    def test_du(self) -> None:
        """Sizes are shown for people and programs."""
        self.call(reindex)
        status, said, _ = self.call(du, "--limit", "1")
        self.assertEqual((status, len(said.splitlines())), (0, 4))
        found = json.loads(self.call(du, "--json")[1])
        self.assertEqual({each["what"] for each in found}, {"segment", "session", "dialect"})

    def test_import_twice(self) -> None:
        """Old records come in redacted; a second import adds nothing."""
        secret = "sk-ant-api03-" + "Zq9" * 30
        old = {"method": "POST", "path": "/v1/messages", "headers": {"x-api-key": secret}, "body": {"note": secret}}
        self.put(3, request=old)
        status, said, _ = self.call(import_store, str(self.source), "--json")
        self.assertEqual((status, json.loads(said)["records"]), (0, 3))
        self.assertNotIn(secret.encode(), self.on_disk())
        self.assertEqual(self.reader.record(SESSION, 2)["schema_version"], 3)
        self.assertEqual(len(self.reader.session(SESSION)["requests"]), 3)
        again = json.loads(self.call(import_store, str(self.source), "--json")[1])
        self.assertEqual((again["records"], again["known"]), (0, 3))
        self.assertEqual(len(self.reader.session(SESSION)["requests"]), 3)
        self.assertEqual(self.call(verify)[0], 0)

    def test_busy_store_is_refused(self) -> None:
        """What changes the store needs it alone; what reads it does not."""
        self.patch(control, "TAKEN_WITHIN", 0.3)
        self.call(reindex)
        lock = Lock(self.data_dir)
        self.addCleanup(lock.release)
        for command, arguments in ((reindex, ()), (gc, ()), (rm, ("s",)), (import_store, (str(self.source),))):
            status, said, complaint = self.call(command, *arguments)
            self.assertEqual((status, said), (1, ""))
            self.assertIn("stop it first", complaint)
        self.assertEqual((self.call(verify)[0], self.call(du)[0], self.call(keep)[0]), (0, 0, 0))

    def test_mistakes_are_one_sentence(self) -> None:
        """Wrong arguments and missing folders end with one line and status 1."""
        for command, arguments, data_dir in (
            (verify, (), "/nowhere/at/all"),
            (rm, ("../x",), None),
            (gc, ("--retain-days", "soon"), None),
            (gc, ("--retain-size", "-1"), None),
            (import_store, ("/nowhere/at/all",), None),
            (du, (), None),
        ):
            status, said, complaint = self.call(command, *arguments, data_dir=data_dir)
            self.assertEqual((status, said, len(complaint.splitlines())), (1, "", 1), command.NAME)
