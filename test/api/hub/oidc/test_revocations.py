"""Revoked sessions: of one hub, and of several that share a file."""

import os
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.hub.oidc.revocations import Revocations, SharedRevocations


class RevocationTests(SynchronousTestCase):
    """Revocations in memory and in a file."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.path = Path(self.mktemp()).absolute()

    def shared(self) -> SharedRevocations:
        return SharedRevocations(lambda: self.now, self.path)

    def test_memory(self) -> None:
        """A session stays revoked until its cookie has expired."""
        revoked = Revocations(lambda: self.now)
        revoked.add("a", 1060)
        self.assertIn("a", revoked)
        self.assertNotIn("b", revoked)
        self.now = 1061
        revoked.add("b", 1100)
        self.assertNotIn("a", revoked)

    def test_shared(self) -> None:
        """What one hub revokes, the others know at once, and so does one that starts later."""
        one, two = self.shared(), self.shared()
        one.add("a", 1060)
        two.add("b", 1070)
        for each in (one, two, self.shared()):
            self.assertIn("a", each)
            self.assertIn("b", each)
            self.assertNotIn("c", each)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_expired(self) -> None:
        """The file does not grow for ever."""
        one = self.shared()
        for number in range(20):
            self.now += 10
            one.add(f"s{number}", self.now + 25)
        self.assertEqual(len(self.path.read_text().splitlines()), 3)

    def test_damaged_and_gone(self) -> None:
        """Lines of somebody else are skipped, and a file that disappears makes nobody's session valid again."""
        one = self.shared()
        one.add("a", 2000)
        self.path.write_bytes(self.path.read_bytes() + b"rubbish\n\xff 2\nx y\n2000 z\n")
        self.assertIn("z", one)
        self.path.unlink()
        self.assertIn("a", one)
        one.add("b", 2000)
        self.assertIn("b", self.shared())
        self.assertIn("a", self.shared())

    def test_not_writable(self) -> None:
        """A place that cannot be written is reported, at the start and when a session is to be revoked."""
        nowhere = self.path / "missing" / "file"
        self.assertRaises(OSError, SharedRevocations, lambda: self.now, nowhere)
        one = self.shared()
        self.path.unlink()
        self.path.mkdir()
        self.assertRaises(OSError, one.add, "a", 2000)
        self.assertIn("a", one)
        os.rmdir(self.path)

    def test_at_once(self) -> None:
        """Of many that revoke at the same time, none is lost."""
        hubs = [self.shared() for _ in range(4)]

        def work(hub: SharedRevocations, name: str) -> None:
            for number in range(25):
                hub.add(f"{name}{number}", 2000)

        threads = [threading.Thread(target=work, args=(hub, f"h{at}-")) for at, hub in enumerate(hubs)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual(len(self.path.read_text().splitlines()), 100)
