"""``ccsproxy import``: records of earlier versions."""

import json

from ccsproxy.tools.store import import_store, verify
from test.store.imports.test_version_1 import SESSION
from test.tools.storing import StoreCommandCase


class ImportTests(StoreCommandCase):
    """Twice."""

    def test_import_twice(self) -> None:
        """Old records come in redacted; a second import adds nothing."""
        secret = "sk-ant-api03-" + "Zq9" * 30
        old = {"method": "POST", "path": "/v1/messages", "headers": {"x-api-key": secret}, "body": {"note": secret}}
        self.put(3, request=old)
        status, said, _ = self.call(import_store, str(self.source), "--json")
        self.assertEqual((status, json.loads(said)["records"]), (0, 3))
        self.assertNotIn(secret.encode(), self.on_disk())
        self.assertEqual(self.reader.record(SESSION, 2)["schema_version"], 3)
        self.assertEqual(len(self.reader.session(SESSION)["requests"]), 3)
        again = json.loads(self.call(import_store, str(self.source), "--json")[1])
        self.assertEqual((again["records"], again["known"]), (0, 3))
        self.assertEqual(len(self.reader.session(SESSION)["requests"]), 3)
        self.assertEqual(self.call(verify)[0], 0)
