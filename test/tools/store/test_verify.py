"""``ccsproxy verify`` and ``reindex``: what is right, and making it so."""

import json

from ccsproxy.tools.store import reindex, verify
from test.tools.storing import StoreCommandCase


class VerifyTests(StoreCommandCase):
    """Without an index, and with one."""

    def test_reindex_and_verify(self) -> None:
        """A store without index is bad, one that was indexed is good; both are said in text and JSON."""
        self.assertEqual(self.call(verify)[0], 1)
        status, said, _ = self.call(reindex, "--json")
        self.assertEqual((status, json.loads(said)["lines"]), (0, 80))
        status, said, _ = self.call(verify)
        self.assertEqual((status, said.splitlines()[-1].endswith("40 records: nothing is wrong")), (0, True))
        report = json.loads(self.call(verify, "--json")[1])
        self.assertEqual((report["good"], sum(each["records"] for each in report["segments"])), (True, 40))
