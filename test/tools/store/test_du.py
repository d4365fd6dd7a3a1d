"""``ccsproxy du``: what takes the space."""

import json
from collections import Counter

from ccsproxy.tools.store import du, reindex
from test.tools.storing import StoreCommandCase


class DuTests(StoreCommandCase):
    """Sizes."""

    def test_du(self) -> None:
        """Sizes are shown for people and programs."""
        self.call(reindex)
        status, said, _ = self.call(du, "--limit", "1")
        self.assertEqual((status, len(said.splitlines())), (0, 4))
        found = json.loads(self.call(du, "--json")[1])
        self.assertEqual({each["what"] for each in found}, {"segment", "session", "dialect"})
        for what, member in (("session", "session_id"), ("dialect", "dialect")):
            counted = {each["name"]: each["requests"] for each in found if each["what"] == what}
            self.assertEqual(counted, Counter(record[member] for record in self.records))
