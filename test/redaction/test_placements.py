"""Secrets without a format of their own are found in the places in which people and tools write them."""

import random
import string
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor

_LETTERS = string.ascii_letters + string.digits
_SEED = 2026


def placements(kind: str) -> Iterator[str]:
    """Yield the places of a kind of value, with ``§`` for the value; ``\\n`` is written out, and a line end."""
    text = Path(__file__).with_name("placements.txt").read_text(encoding="utf-8")
    for line in text.partition(f"[{kind}]\n")[2].partition("\n\n[")[0].splitlines():
        yield line
        if "\\n" in line and "%s" not in line:
            yield line.replace("\\n", "\n")


def made_up_keys() -> list[str]:
    """Return what programs make: letters and digits, hexadecimal digits, base64url."""
    chance = random.Random(_SEED)
    return [
        "".join(chance.choices(_LETTERS, k=32)),
        chance.randbytes(16).hex(),
        "".join(chance.choices(_LETTERS, k=40)),
        "a" + "".join(chance.choices(_LETTERS + "-_", k=41)) + "9",
    ]


#: What people choose: a word and a number, a season and a year, letters and signs.
CHOSEN = ("Hunter" + "2xyzQ9", "Winter" + "2026", "xK9#mP" + "2vL7q", "kQ7vR2" + "mZ9pLw4")


def left(place: str, value: str) -> bool:
    """Return whether a half of a value is left in the redacted text."""
    clean = Redactor().text(place.replace("§", value))
    half = len(value) // 2
    return value[:half] in clean or value[half:] in clean


class PlacementTests(SynchronousTestCase):
    """Of each hundred places at most one keeps a secret."""

    def misses(self, kind: str, values: "tuple[str, ...] | list[str]") -> None:
        """Fail if more than one in a hundred is missed."""
        places = list(placements(kind))
        missed = [(place, value) for place in places for value in values if left(place, value)]
        self.assertGreater(len(places), 200)
        self.assertLessEqual(len(missed), len(places) * len(values) / 100, missed)

    def test_keys(self) -> None:
        """What programs make."""
        self.misses("keys", made_up_keys())

    def test_passwords(self) -> None:
        """What people choose."""
        self.misses("passwords", CHOSEN)
