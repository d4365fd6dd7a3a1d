"""``ccsproxy export``: exchanges and sessions in the formats of others."""

import json

from ccsproxy.tools.records import export
from test.tools.commands import CommandCase


class ExportTests(CommandCase):
    """Every format."""

    def reindexed(self) -> None:
        self.assertEqual(self.run_command("reindex")[0], 0)

    def test_exports(self) -> None:
        """Every format of both kinds is written; a file is its owner's only."""
        self.reindexed()
        record = self.records[0]
        for form in export.EXCHANGE:
            self.assertTrue(self.run_command("export", self.name(record), "--format", form)[1], form)
        for form in export.SESSION:
            self.assertTrue(self.run_command("export", record["session_id"], "--format", form)[1], form)
        file = self.dir / "out.har"
        self.assertEqual(self.run_command("export", self.name(record), "--format", "har", "-o", str(file))[0], 0)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(json.loads(file.read_text())["log"]["version"], "1.2")
