"""The query language: what it reads, what it refuses, what it lets through."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.query import FIELDS, QuestionError, matches, member, ordered, parse
from test.effort import effort

NOW = 1_796_000_000.0
CALL: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "status": 529,
    "cost": 0.75,
    "cwd": "/home/dev/webshop",
    "client": "claude-code",
    "tools": ["Bash", "mcp__linear__search"],
    "outcome": "http_error",
    "duration_ms": 2500.0,
    "has_error": True,
    "input_tokens": 10,
    "cache_read_input_tokens": 80,
    "cache_creation_input_tokens": 10,
    "session_id": "8231d7cf",
}


class ReadingTests(SynchronousTestCase):
    """Questions as people type them."""

    def test_contract_example(self) -> None:
        question = parse(
            "model:opus tool:Bash status:>=400 cost:>0.5 cwd:shop client:claude outcome:http since:7d sort:-cost"
            ' "any words"',
            NOW,
        )
        self.assertTrue(matches(question, CALL))
        self.assertEqual((question.words, question.sort, question.descending), ('"any words"', "cost", True))
        self.assertEqual(question.since, round((NOW - 7 * 86400) * 1000))

    def test_each_narrows(self) -> None:
        for text, holds in {
            "model:sonnet": False,
            "model:sonnet,opus": True,
            "-model:opus": False,
            "status:5xx": True,
            "status:4xx": False,
            "status:529": True,
            "cost:<0.5": False,
            "duration:>2s": True,
            "duration:>2": True,
            "duration:>1m": False,
            "cached:>70%": True,
            "cached:>=0.8": True,
            "in:100": True,
            "in:>1k": False,
            "errors:yes": True,
            "errors:no": False,
            "tool:linear": True,
            "ttft:>1": False,
            "session:8231": True,
            'cwd:"/home/dev/webshop"': True,
        }.items():
            self.assertEqual(matches(parse(text, NOW), CALL), holds, text)

    def test_a_share_that_nobody_told_is_unknown(self) -> None:
        """What was read from the cache may be none or not known, and only none is a share of nothing."""
        untold = {**CALL, "cache_read_input_tokens": None}
        self.assertIsNone(member(untold, "cached_share"))
        self.assertFalse(matches(parse("cached:<1%", NOW), untold))
        self.assertEqual(member({**CALL, "cache_read_input_tokens": 0}, "cached_share"), 0)
        self.assertEqual(ordered(parse("sort:cached", NOW), [untold, CALL]), [CALL, untold])

    def test_refused(self) -> None:
        for text, said in {
            "modle:opus": "did you mean model",
            "status:many": "status:",
            "cost:": "needs a value",
            "since:soon": "2h, 7d",
            "sort:nothing": "cannot sort by",
            "errors:maybe": "yes or no",
            "cost:>5s": "takes no s",
            "status:>=": "status:",
        }.items():
            with self.assertRaises(QuestionError) as caught:
                parse(text, NOW)
            self.assertIn(said, str(caught.exception))

    def test_words_with_colons(self) -> None:
        """Addresses and quoted words are words."""
        self.assertEqual(
            parse('http://example.com "cost: high" C:\\x', NOW).words, 'http://example.com "cost: high" C:\\x'
        )

    def test_order(self) -> None:
        """What has no value comes last, whichever way."""
        calls = [{"cost": 1.0}, {"cost": None}, {"cost": 3.0}]
        self.assertEqual([each["cost"] for each in ordered(parse("sort:-cost"), calls)], [3.0, 1.0, None])
        self.assertEqual([each["cost"] for each in ordered(parse("sort:cost"), calls)], [1.0, 3.0, None])

    @settings(max_examples=effort(100), deadline=None)
    @given(st.text(max_size=60) | st.builds("{}:{}".format, st.sampled_from(FIELDS), st.text(max_size=12)))
    def test_never_breaks(self, text: str) -> None:
        """Whatever is typed is a question or one sentence."""
        try:
            matches(parse(text, NOW), CALL, 5)
        except QuestionError as error:
            self.assertTrue(str(error))
