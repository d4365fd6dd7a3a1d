"""What a target's answer means for a batch."""

import time

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.clickhouse.target import exception_code
from ccsproxy.ship.jsonl.target import says_error
from ccsproxy.ship.reply import Reply, judge
from ccsproxy.ship.target import Rejected, Unavailable


class JudgeTests(SynchronousTestCase):
    """By its status, and by what no receiver would say."""

    def test_statuses(self) -> None:
        """Only what says "this batch, never" is given up."""
        for status in (200, 202, 204):
            judge(Reply(status, {}))
        for status in (400, 413, 415, 422):
            self.assertRaises(Rejected, judge, Reply(status, {}))
        for status in (301, 307, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 507):
            self.assertRaises(Unavailable, judge, Reply(status, {}))

    def test_what_to_do(self) -> None:
        """Where a setting is likely wrong, the sentence says which."""
        for status, hint in ((301, "URL"), (401, "--ship-credentials"), (404, "path"), (407, "proxy")):
            self.assertIn(hint, str(self.assertRaises(Unavailable, judge, Reply(status, {}))))

    def test_a_page(self) -> None:
        """A network that wants a log-in first answers everything with 200; nothing was taken."""
        for page in (b"<!DOCTYPE html><title>Log in</title>", b"\n <HTML>", b"<html lang=en>"):
            self.assertIn("web page", str(self.assertRaises(Unavailable, judge, Reply(200, {}, page))))
        for other in (b"", b"ok", b'{"taken": 5}', b"<ok/>", b"\x0a\x00"):
            judge(Reply(200, {}, other))

    def test_a_quoting_server(self) -> None:
        """What it quotes is not repeated."""
        error = self.assertRaises(Rejected, judge, Reply(400, {}, b"cannot parse: a secret"), "h")
        self.assertEqual(str(error), "h answered 400")


class RetryAfterTests(SynchronousTestCase):
    """How long a target asks to be left alone."""

    def asked(self, **headers: str) -> float | None:
        return Reply(429, {name.replace("_", "-"): value for name, value in headers.items()}).retry_after

    def test_seconds(self) -> None:
        """As they are; nonsense is none."""
        self.assertEqual(self.asked(retry_after="7"), 7.0)
        for odd in ("soon", "-1", "1.5", "\u0667", "9" * 400 + "x"):
            self.assertIsNone(self.asked(retry_after=odd), odd)
        self.assertIsNone(self.asked())

    def test_date(self) -> None:
        """From the target's own time, where it tells it: a wrong clock here neither hurries nor waits for hours."""
        past, later = "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:29:30 GMT"
        self.assertEqual(self.asked(retry_after=later, date=past), 90.0)
        self.assertEqual(self.asked(retry_after=past, date=later), 0.0)
        self.patch(time, "time", lambda: 1445412480.0)  # past
        self.assertEqual(self.asked(retry_after=later), 90.0)
        self.assertEqual(self.asked(retry_after=later, date="nonsense"), 90.0)


class SaidErrorTests(SynchronousTestCase):
    """A success that says of itself that it is none."""

    def test_json_lines(self) -> None:
        """Functions behind gateways, bulk endpoints, home-made receivers; all else is what its status says."""
        for body in (
            b'{"errorMessage": "boom", "errorType": "Error"}', b'{"errors": true, "items": []}', b'{"error": "full"}',
            b'{"success": false}', b'{"ok": false}',
        ):  # fmt: skip
            self.assertTrue(says_error(Reply(200, {}, body)), body)
        for body in (
            b"", b"ok", b"[]", b"null", b'{"ok": true}', b'{"errors": false}', b'{"error": null}', b'{"errors": []}',
            b'{"success": 1}', b"{", b'{"error": "cut off',
        ):  # fmt: skip
            self.assertFalse(says_error(Reply(200, {}, body)), body)

    def test_clickhouse(self) -> None:
        """An exception that comes after the head of an answer stands in the body alone."""
        late = b"1\t2\nCode: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"
        self.assertEqual(exception_code(Reply(200, {}, late)), 241)
        self.assertEqual(exception_code(Reply(500, {"x-clickhouse-exception-code": "60"}, late)), 60)
        self.assertEqual(exception_code(Reply(200, {"x-clickhouse-exception-code": "no"}, b"26.9.2.1")), 0)
