"""``ccsproxy limits``: how much is left."""

import json

from test.tools.answering import AnsweringCase


class LimitsTests(AnsweringCase):
    """What the answers told."""

    def test_limits(self) -> None:
        status, out, complaint = self.run_command("limits")
        self.assertEqual((status, complaint), (0 if out else 1, ""))
        listed = json.loads(self.run_command("limits", "--json")[1])
        self.assertEqual(bool(listed), bool(out))
