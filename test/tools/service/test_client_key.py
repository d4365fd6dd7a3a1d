"""Tests of ``ccsproxy client-key``."""

import argparse
import io
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.keys import digest_of, read_client_keys
from ccsproxy.tools.service import client_key


class ClientKeyTests(SynchronousTestCase):
    """A credential that is shown only once, and a line that holds none."""

    def call(self, *argv: str) -> tuple[int, str, str]:
        """Run the command; return status, output and complaints."""
        parser = argparse.ArgumentParser()
        client_key.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        return client_key.run(parser.parse_args(argv), out, err), out.getvalue(), err.getvalue()

    def test_to_a_file(self) -> None:
        """The gateway knows who has it; the file has a digest alone and is its owner's."""
        path = Path(self.mktemp())
        keys = []
        for person in ("ann", "bob"):
            status, said, note = self.call(person, "--file", str(path))
            self.assertEqual(status, 0)
            self.assertIn("shown only once", note)
            keys.append(said.strip())
        known = read_client_keys(path)
        self.assertEqual([known[digest_of(key.encode())] for key in keys], ["ann", "bob"])
        self.assertFalse(any(key in path.read_text() for key in keys))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_to_a_person(self) -> None:
        """Without a file the line is shown with it; no two are the same."""
        (key, line), (other, _) = (self.call("ann")[1].splitlines() for _ in range(2))
        self.assertTrue(key.startswith(client_key.PREFIX))
        self.assertNotEqual(key, other)
        self.assertEqual(line, f"ann sha256:{digest_of(key.encode()).hex()}")

    def test_names(self) -> None:
        """One word: the file is read by words, and # begins a comment in it."""
        for name in ("", "a b", "#ann", "ann\n", "a\x00"):
            status, said, complaint = self.call(name)
            self.assertEqual((status, said), (2, ""), name)
            self.assertIn("one word", complaint)

    def test_a_file_that_is_wrong_already(self) -> None:
        """It stays as it is, and the mistake in it is told."""
        path = Path(self.mktemp())
        path.write_text("nonsense\n")
        path.chmod(0o600)
        self.assertEqual(self.call("ann", "--file", str(path))[0], 1)
        self.assertEqual(path.read_text(), "nonsense\n")
        self.assertIn("cannot be written", self.call("ann", "--file", str(path.parent / "no" / "x"))[2])
