"""Tests of masking who a session's user is."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.masking import Masking
from test.effort import effort


def masked(*records: Any) -> tuple[list[Any], dict[str, int]]:
    masking = Masking(records)
    return [masking.record(each) for each in records], dict(masking.counts)


class MaskingTests(SynchronousTestCase):
    """What is masked, and what is not."""

    def test_homes_and_names(self) -> None:
        """A name that a path tells is masked wherever it stands by itself, also in another record."""
        said = r"cd /home/mariella/shop && ls C:\\Users\\mariella\\x /Users/mariella"
        first = {"request": {"body": said}, "dialect": "mariella", "labels": {"user": "mariella"}}
        second = {"t": {"text": "-rw-r--r-- mariella staff; mariellas; /srv/mariella/x"}}
        (one, two), counts = masked(first, second)
        self.assertEqual(one, {"request": {"body": said.replace("mariella", "user")}, "dialect": "mariella"})
        self.assertEqual(two["t"]["text"], "-rw-r--r-- user staff; mariellas; /srv/user/x")
        self.assertEqual(counts, {"home folders": 3, "user names": 2})

    def test_addresses(self) -> None:
        """Of people, not of examples and repositories."""
        (one,), counts = masked({"t": {"t": "jo.doe+x@corp.co.uk, git@github.com:a/b, me@example.com, a@b"}})
        self.assertEqual(one["t"]["t"], "somebody@example.com, git@github.com:a/b, me@example.com, a@b")
        self.assertEqual(counts, {"e-mail addresses": 1})

    def test_accounts_and_programs(self) -> None:
        record = {
            "client": {"name": "codex", "account": "acct-1", "process": {"pid": 3, "exe": "/home/mariella/bin"}},
            "request": {
                "headers": {"chatgpt-account-id": "a"},
                "headers_raw": [["ChatGPT-Account-Id", "a"], ["x", "y"]],
                "body": {"metadata": {"user_id": "u", "other": 1}},
            },
        }  # fmt: skip
        (one,), counts = masked(record)
        self.assertEqual(one["client"], {"name": "codex", "account": None, "process": None})
        self.assertEqual(one["request"]["headers_raw"], [["ChatGPT-Account-Id", "masked"], ["x", "y"]])
        self.assertEqual(one["request"]["body"]["metadata"], {"user_id": "masked", "other": 1})
        self.assertEqual(counts["account ids"], 4)

    def test_nobodys(self) -> None:
        """Accounts of machines, and paths that only look like homes, stay."""
        text = "/home/runner/work /Users/Shared/x /srv/home/pages https://x.example/home/news"
        self.assertEqual(masked({"t": {"t": text}})[0][0]["t"]["t"].replace("user", "news"), text)

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=9
        )
    )
    @settings(max_examples=effort(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_any_value(self, value: Any) -> None:
        """Nothing raises, the record given stays, and masking twice is masking once."""
        before = repr(value)
        masking = Masking([{"v": value}])
        once = masking.value(value)
        self.assertEqual(repr(value), before)
        self.assertEqual(masking.value(once), once)
