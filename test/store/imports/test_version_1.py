"""Tests of the import: old records come in whole, once, redacted, whatever lies beside them."""

import json
from pathlib import Path
from typing import Any

from ccsproxy.store.imports.version_1 import Imported, old_records
from test.exchange.test_upgrade import version_1
from test.store.index.test_index import StoreCase

SESSION = "2026-01-02T03-04-05-006Z-abcdef12"


class OldStore(StoreCase):
    """A version 1 data dir beside the store."""

    def setUp(self) -> None:
        """Write a session of two records."""
        super().setUp()
        self.source = Path(self.mktemp_folder())
        self.put(1)
        self.put(2)
        self.place("meta.json").write_text(json.dumps({"upstream": "https://api.anthropic.com", "schema_version": 1}))

    def place(self, name: str) -> Path:
        """Return a file of the session."""
        folder = self.source / "sessions" / SESSION
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def put(self, seq: int, **changes: Any) -> None:
        """Write a record."""
        self.place(f"{seq:04d}.json").write_text(json.dumps(version_1(seq=seq, **changes)))


class OldRecordsTests(OldStore):
    """Reading the old data dir."""

    def read(self, **functions: Any) -> tuple[list[dict[str, Any]], Imported]:
        """Return the records and the report."""
        report = Imported()
        given = {"redact": lambda record: record, "known": lambda record: False} | functions
        return list(old_records(self.source, report=report, **given)), report

    def test_records_in_order(self) -> None:
        """Records come by number, also beyond four digits, with the name of their upstream."""
        self.put(10000)
        records, report = self.read()
        self.assertEqual([record["seq"] for record in records], [1, 2, 10000])
        self.assertEqual({record["upstream"] for record in records}, {"anthropic"})
        self.assertEqual((report.sessions, report.records, report.skipped), (1, 3, []))

    def test_damaged_files_are_skipped_and_named(self) -> None:
        """What cannot be read is named, and the rest is read."""
        self.place("0003.json").write_text("{")
        self.place("0004.json").write_text("[]")
        self.place("0005.json").write_bytes(b"\xff\xfe")
        self.put(6, session_id="another")
        self.place("0007.json").mkdir()
        records, report = self.read()
        self.assertEqual((len(records), len(report.skipped)), (2, 5))
        self.assertTrue(all("was skipped" in sentence for sentence in report.skipped))

    def test_known_records_are_counted(self) -> None:
        """What was imported before is not given again."""
        records, report = self.read(known=lambda record: record["seq"] == 1)
        self.assertEqual(([record["seq"] for record in records], report.known), ([2], 1))

    def test_failing_redaction_drops_the_record(self) -> None:
        """A record that cannot be redacted is not imported."""

        def broken(record: dict[str, Any]) -> dict[str, Any]:
            raise RecursionError("too deep")

        records, report = self.read(redact=broken)
        self.assertEqual((records, report.records, len(report.skipped)), ([], 0, 2))

    def test_other_folder(self) -> None:
        """A folder without sessions is refused."""
        self.assertRaises(NotADirectoryError, list, old_records(self.source / "x", dict, bool, Imported()))
