"""Long stretches of base64 are found where they stand, and hide no secret."""

import base64
import random

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.search.data_runs import SHORTEST, data_runs
from ccsproxy.redaction.search.scanner import Scanner


def noise(size: int, seed: int = 1) -> bytes:
    return base64.b64encode(random.Random(seed).randbytes(size))


#: Synthetic: the beginning is GitHub's, the rest counts.
TOKEN = b"ghp_" + b"A1b2C3d4E5f6G7h8I9" * 2


class DataRunTests(SynchronousTestCase):
    """Where they begin and end."""

    def test_in_a_text(self) -> None:
        """A stretch is told to the letter, wherever it stands and whatever stands around it."""
        data = noise(3 * SHORTEST)
        for before in (b"", b"some words: ", b"a line\n" * 700, b'{"data": "'):
            for behind in (b"", b'"}', b" and more words" * 300):
                found = list(data_runs(before + data + behind))
                self.assertEqual(found, [(len(before), len(before) + len(data))])

    def test_several(self) -> None:
        """Each of several stretches is told; short ones and words are none."""
        data = noise(2 * SHORTEST)
        text = b", ".join((data, noise(100), b"words and words " * 900, data))
        self.assertEqual([text[begin:end] for begin, end in data_runs(text)], [data, data])
        self.assertEqual(list(data_runs(b"word " * 9000)), [])
        self.assertEqual(list(data_runs(data[: SHORTEST - 1])), [])

    def test_in_lines(self) -> None:
        """Lines of base64 are one stretch, but not lines that have names with values."""
        data = noise(3 * SHORTEST)
        for end in (b"\n", b"\r\n"):
            lines = end.join(data[at : at + 76] for at in range(0, len(data), 76))
            (begin, stop), *others = data_runs(b"-----BEGIN DATA-----\n" + lines + b"\n-----END")
            self.assertEqual((begin < 1200, stop >= len(lines), others), (True, True, []))
        settings = b"\n".join(b"A_SECRET_KEY=" + data[at : at + 60] for at in range(0, len(data), 60))
        self.assertEqual(list(data_runs(settings)), [])


class SecretsInDataTests(SynchronousTestCase):
    """What is secret in and around them is found."""

    scanner = Scanner()

    def secrets(self, text: bytes) -> list[bytes]:
        return [text[each.start : each.end] for each in self.scanner.find(text)]

    def test_around(self) -> None:
        """A secret before or behind a stretch is found as anywhere."""
        data = noise(3 * SHORTEST)
        for between in (b" ", b"\n", b'", "'):
            self.assertEqual(self.secrets(TOKEN + between + data), [TOKEN])
            self.assertEqual(self.secrets(data + between + TOKEN), [TOKEN])
            self.assertEqual(self.secrets(data + between + TOKEN + between + data), [TOKEN])

    def test_a_long_value(self) -> None:
        """A stretch that is the value of a secret name is secret to its end."""
        data = noise(2 * SHORTEST)
        self.assertEqual(self.secrets(b'{"client_secret": "' + data + b'"}'), [data])

    def test_within(self) -> None:
        """A token that a sign parts from the letters around it is found in the middle; what only looks so is none."""
        padding = b"a" * SHORTEST
        self.assertEqual(self.secrets(padding + b"/" + TOKEN + b"/" + padding), [TOKEN])
        self.assertEqual(self.secrets(noise(4 * SHORTEST) + b"/" + TOKEN + b"/" + noise(4 * SHORTEST, 2)), [])

    def test_what_it_says(self) -> None:
        """Base64 that says a key is found by what it says."""
        plain = (
            b"key file:\n" + b"-----BEGIN " + b"PRIVATE KEY-----\n" + noise(1500, 3) + b"\n-----END PRIVATE KEY-----"
        )
        (found,) = self.secrets(base64.b64encode(b"# settings\n" * 400 + plain))
        self.assertGreater(len(found), len(plain))
