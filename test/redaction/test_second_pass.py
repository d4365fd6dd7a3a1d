"""A secret that is found in one place goes from every place of the same part, and from what comes later."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor, redactors
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.second_pass import redact_twice
from ccsproxy.wire.json_items import SentItems

_PASSWORD = "Hunter" + "2xyzQ9"
_BEFORE, _FILE = f"is {_PASSWORD} still right?", f"DB_PASSWORD={_PASSWORD}\n"


class SecondPassTests(SynchronousTestCase):
    """What is known in the end holds from the beginning."""

    def test_in_a_body(self) -> None:
        """Before and behind the place that names it; each is reported once."""
        redactor = Redactor()
        clean = redactor.tree({"m": [{"c": _BEFORE}, {"c": _FILE}, {"c": f"use {_PASSWORD}"}]})
        self.assertNotIn(_PASSWORD, json.dumps(clean))
        self.assertEqual(redactor.count, 3)

    def test_by_the_name_of_a_member(self) -> None:
        """A member of an object names it."""
        clean = Redactor().tree({"a": _BEFORE, "password": _PASSWORD})
        self.assertNotIn(_PASSWORD, json.dumps(clean))

    def test_in_items(self) -> None:
        """In a conversation whose other items were found clean before."""
        make = redactors()
        before, file = json.dumps({"c": _BEFORE}).encode(), json.dumps({"c": _FILE}).encode()
        for sent in ([before], [before, file], [before, file]):
            body = {"messages": SentItems(sent)}
            clean = make().items(body)
            assert clean is not None
            left = any(_PASSWORD in str(bytes(x) if x.__class__.__name__ == "Raw" else x) for x in clean["messages"])
            self.assertEqual(left, len(sent) == 1)

    def test_in_a_stream(self) -> None:
        """In events before and behind the one that names it."""
        parts = [_BEFORE[:6], _BEFORE[6:], "\n", _FILE]
        events = [{"choices": [{"index": 0, "delta": {"content": each}}]} for each in parts]
        redactor = Redactor()
        clean = redactor.stream("".join(f"data: {json.dumps(each)}\n\n" for each in events), "sse")
        self.assertNotIn(_PASSWORD[:8], clean)
        self.assertNotIn(_PASSWORD, redactor.text(_BEFORE))

    def test_words_are_not_learned(self) -> None:
        """An ordinary word, or a short one, goes only where it is named."""
        redactor = Redactor()
        self.assertNotIn("sunshine", redactor.text("DB_PASSWORD=sunshine\n"))
        self.assertEqual(redactor.text("sunshine today"), "sunshine today")

    def test_report_survives_failure(self) -> None:
        """The report of the exchange is back in its place."""
        redactor = Redactor()
        report = redactor.report
        self.assertRaises(ZeroDivisionError, redact_twice, redactor, lambda: 1 // 0)
        self.assertIs(redactor.report, report)
        self.assertIsInstance(report, SecretReport)
