"""Tests of ``ccsproxy scan``: what older rules have left is found, and replaced in segments and index."""

import json
from copy import deepcopy

from ccsproxy.store.directory import Lock
from ccsproxy.tools.store import reindex, scan, verify
from test.store.corpus import Corpus, started
from test.tools.storing import StoreCommandCase as CommandCase

SECRET = "ghp_" + "A1b2C3d4E5" * 3 + "F6g7H8"
OWN = "ACME-123456"


class ScanTests(CommandCase):
    """A store of 40 exchanges, in two of which a secret is in the clear."""

    def setUp(self) -> None:
        """Put secrets where older rules would have left them."""
        super().setUp()
        self.clear = [deepcopy(record) for record in Corpus(seed=9).records(2)]
        for record in self.clear:
            text = f"run with GITHUB_TOKEN={SECRET} and {OWN}"
            record["request"]["body"]["messages"][0]["content"] = [{"type": "text", "text": text}]
            self.segments.write(started(record), record)
        self.records += self.clear
        self.call(reindex)

    def test_finds_and_says_where(self) -> None:
        """Kind, tag and place of each are told, in text and JSON; the secret never is, and nothing is changed."""
        status, said, _ = self.call(scan)
        self.assertEqual((status, said.splitlines()[-1].startswith("2 secrets in 2 records")), (1, True))
        self.assertIn("github-token:", said)
        self.assertIn("request.body.messages[0].content[0].text", said)
        self.assertNotIn(SECRET, said)
        found = json.loads(self.call(scan, "--json")[1])["records"]
        self.assertEqual(
            {(each["session_id"], each["seq"]) for each in found},
            {(record["session_id"], record["seq"]) for record in self.clear},
        )
        self.assertIn(SECRET.encode(), self.on_disk())

    def test_rewrite_leaves_nothing(self) -> None:
        """After a rewrite the secret is in no file; every record is there, and the others are as they were."""
        status, said, _ = self.call(scan, "--rewrite")
        self.assertEqual((status, "replaced" in said), (0, True))
        self.assertNotIn(SECRET.encode(), self.on_disk())
        self.assertEqual(self.call(verify)[0], 0)
        for record in self.records:
            kept = self.reader.record(record["session_id"], record["seq"])
            if record in self.clear:
                self.assertEqual(kept["capture"]["redactions"], record["capture"]["redactions"] + 1)
                self.assertEqual(kept["capture"]["redacted"][0]["kind"], "github-token")
            else:
                self.assertEqual(kept, record)
        self.assertEqual(self.call(scan)[0], 0)

    def test_one_session_and_own_patterns(self) -> None:
        """A session is scanned by itself, with further patterns, and without what is said to be none."""
        session = self.clear[0]["session_id"]
        ours = [record for record in self.clear if record["session_id"] == session]
        self.assertEqual(len(json.loads(self.call(scan, session, "--json")[1])["records"]), len(ours))
        self.assertEqual(self.call(scan, self.records[0]["session_id"])[0], 0)
        _, said, _ = self.call(scan, session, "--redact-pattern", "ACME-[0-9]+")
        self.assertIn("own-pattern:", said)
        self.assertEqual(self.call(scan, session, "--keep-pattern", "ghp_.*")[0], 0)
        self.assertIn("cannot be used", self.call(scan, "--redact-pattern", "(")[2])
        self.assertEqual(self.call(scan, "../x")[0], 2)

    def test_a_service_is_not_overwritten(self) -> None:
        """A scan reads a store that is in use; a rewrite asks to stop the service."""
        lock = Lock(self.data_dir)
        self.addCleanup(lock.release)
        self.assertEqual(self.call(scan)[0], 1)
        status, _, complaint = self.call(scan, "--rewrite")
        self.assertEqual((status, "stop it first" in complaint), (1, True))
