"""Tests of today's redaction of a stored record."""

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.depth import DEEPEST
from ccsproxy.redaction import Redactor, Rules, Tagger
from ccsproxy.tools.store.redacting import _kind_of, redacted, redacted_started
from test.dashboard import specimens

#: Obviously made up, and of the form of a GitHub token.
SECRET = "ghp_" + "0123456789abcdefghij" * 2
SECRET = SECRET[:40]


def clean(record: dict[str, Any], *, started: bool = False) -> tuple[dict[str, Any], Redactor]:
    """Redact by the built-in rules."""
    redactor = Redactor(True, Rules(Tagger(b"k" * 32)))
    return (redacted_started if started else redacted)(record, redactor), redactor


class RecordTests(SynchronousTestCase):
    """A secret goes wherever it stands, and the record says so."""

    def test_everywhere(self) -> None:
        """Target, fields, bodies, streams, trailers, errors."""
        record = specimens.anthropic()
        record["request"] |= {"path": f"/v1/x?q={SECRET}", "body": {"a": [SECRET]}}
        record["request"]["headers_raw"].append(["X-Odd", SECRET])
        record["response"] |= {"body_reassembled": f"say {SECRET}", "trailers": [["X-Sum", SECRET]]}
        record["response"]["stream"]["text"] = f'data: {{"t":"{SECRET}"}}\n\n'
        record["error"] = {"kind": "x", "message": SECRET}
        found, redactor = clean(record)
        self.assertNotIn(SECRET, repr(found))
        self.assertGreaterEqual(redactor.count, 7)
        self.assertEqual(found["capture"]["redactions"], record["capture"]["redactions"] + redactor.count)
        self.assertTrue(all(note["where"] for note in found["capture"]["redacted"]))

    def test_what_is_clean_stays(self) -> None:
        """A record without secrets is the same record."""
        record = specimens.chat()
        record["response"]["headers_raw"] = [["Content-Type", "application/json"]]
        found, redactor = clean(record)
        self.assertEqual(redactor.count, 0)
        for member in ("request", "response", "error", "client", "model"):
            self.assertEqual(found[member], record[member])

    def test_binary_bodies(self) -> None:
        """Within base64 as well."""
        record = specimens.chat()
        record["request"] |= {"body": None, "body_base64": base64.b64encode(b"\xff" + SECRET.encode()).decode()}
        body = base64.b64decode(clean(record)[0]["request"]["body_base64"])
        self.assertNotIn(SECRET.encode(), body)
        self.assertTrue(body.startswith(b"\xff"))

    def test_bodies_without_end(self) -> None:
        """One that is nested too deeply for a record becomes text."""
        deep: Any = SECRET
        for _ in range(DEEPEST + 2):
            deep = [deep]
        record = specimens.chat()
        record["request"]["body"] = deep
        body = clean(record)[0]["request"]["body"]
        self.assertIsInstance(body, str)
        self.assertNotIn(SECRET, body)

    def test_announcements(self) -> None:
        """The line that announced a call, too."""
        started = {"headers": {"x-odd": SECRET}, "path": f"/?q={SECRET}", "model": SECRET, "event": "started"}
        found, redactor = clean(started, started=True)
        self.assertNotIn(SECRET, repr(found))
        self.assertEqual((found["event"], redactor.count), ("started", 3))


class KindTests(SynchronousTestCase):
    """What kind of stream a stored text is."""

    def test_kinds(self) -> None:
        """By how it begins, as it was kept decoded."""
        for text, kind in (
            ("event: x\ndata: {}\n\n", "sse"),
            ("\ufeff\n: comment\n", "sse"),
            ('[{"a":1}', "json"),
            ('{"a":1}\n{"b":2}\n', "ndjson"),
            ("hello", ""),
            ("", ""),
        ):
            self.assertEqual(_kind_of(text), kind, text)
