"""Whether any text costs redaction more than in proportion to its length: random hostile ones, four times as long.

    python -m bench.redaction_growth [SECONDS] [SEED]

Each text is put together from beginnings without an end, names without a value and values that are nearly secrets: a
few of them again and again, or many at random. Processor time of this process only. The exit status is 1 where a text
of four times the length takes more than seven times as long, three times in a row.
"""

import random
import re
import sys
import time

from bench.redaction import UNITS
from ccsproxy.redaction.kinds.format_table import CUT, HASHES, MIDDLES, TABLE
from ccsproxy.redaction.search.rules import Rules

_SIZE = 6 << 10
_TIMES = 4
#: So much more than in proportion is no chance of the clock any more.
_TOO_MUCH = 7.0
#: Shorter times say nothing, in seconds.
_LEAST = 0.002
_SIGNS = (*"=:\"'`\\ \n\t,;.-_/?&@<>{}[]()|#$%+", "a", "Z", "0", "7f", "\u00e9", "\\n", "\\u003d", "%3D", "  ")


def parts() -> list[str]:
    """Return what hostile texts are made of: units, the letters that formats begin with, signs."""
    lines = "\n".join((TABLE, CUT, MIDDLES, HASHES)).splitlines()
    begins = [fields[1] for fields in map(str.split, lines) if len(fields) > 1]
    plain = [re.sub(r"\\(.)", r"\1", re.sub(r"\[[^]]*\]|\{[^}]*\}|\(\?:|[()|?*]|\\b", "", each)) for each in begins]
    return [*UNITS, *filter(None, plain), *_SIGNS]


def hostile(chance: random.Random, known: list[str], size: int) -> str:
    """Make a text of a size."""
    units = chance.choices(known, k=chance.randrange(1, 5))
    if chance.random() < 0.5:
        unit = "".join(units)
        return unit * (size // len(unit) + 1)
    # Without a period, so that no verdict is known from the place before.
    return "".join(chance.choice(units) + chance.choice(_SIGNS) for _ in range(size // 3))[:size]


def seconds(rules: Rules, text: str) -> float:
    """Return the processor time that a search takes, at best of two."""
    took = []
    for _ in range(2):
        began = time.process_time()
        rules.find(text)
        took.append(time.process_time() - began)
    return min(took)


def growth(rules: Rules, text: str) -> float:
    """Return how many times as long the whole text takes as its quarter."""
    whole = seconds(rules, text)
    return whole / max(seconds(rules, text[: len(text) // _TIMES]), 1e-6) if whole > _LEAST else 0.0


def main(arguments: list[str]) -> int:
    """Try texts for so many seconds, and tell the worst."""
    patience, seed = float([*arguments, "60"][0]), int([*arguments[1:], "1"][0])
    rules, known, chance = Rules(), parts(), random.Random(seed)
    end, tried, worst, bad = time.monotonic() + patience, 0, (0.0, ""), 0
    while time.monotonic() < end:
        text = hostile(chance, known, _SIZE * _TIMES)
        rules.find(text)  # the automaton learns its states
        tried += 1
        found = growth(rules, text)
        if found > _TOO_MUCH and all(growth(rules, text) > _TOO_MUCH for _ in range(2)):
            bad += 1
            print(f"{found:6.1f} times as long: {text[:100]!r}")
        worst = max(worst, (found, text[:60]))
    print(f"{tried} texts, {bad} superlinear; the worst took {worst[0]:.1f} times as long: {worst[1]!r}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
