"""What is found and what is left alone: 400 secrets of 60 kinds in 12 places each, and 4,000 harmless texts."""

import base64
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.search.engine import BacktrackingEngine, make_engine
from ccsproxy.redaction.search.rules import default_rules
from ccsproxy.redaction.search.scanner import EXPRESSION, Scanner
from test.effort import effort
from test.redaction.corpus import KINDS, PLACEMENTS, Corpus
from test.redaction.harmless import harmless

#: So many letters of a secret in a row are a find.
_LEFT = 8


def left_of(text: str, secret: str, place: str) -> bool:
    """Tell whether the redacted text still holds a stretch of the secret, as the place writes it."""
    spelled = {"query": secret.replace("+", "%2B"), "Kubernetes secret": base64.b64encode(secret.encode()).decode()}
    rest = spelled.get(place, secret).rstrip("=")
    clean = default_rules().find(text)
    kept = "".join(
        text[start:end]
        for start, end in zip(
            [0, *(each.end for each in clean)], [*(each.start for each in clean), None], strict=True
        )
    )
    body = rest[-max(_LEFT, len(rest) // 2) :]  # the beginning is often the name of its kind
    return any(body[at : at + _LEFT] in kept for at in range(max(len(body) - _LEFT, 1)))


class FoundTests(SynchronousTestCase):
    """At least 99 of 100 secrets are found."""

    def test_sizes(self) -> None:
        """The corpus is as large as it is said to be."""
        self.assertGreaterEqual(len(KINDS.strip().splitlines()), 60)
        self.assertEqual(len(PLACEMENTS), 12)
        self.assertGreaterEqual(len(list(Corpus(1).secrets(7))), 400)

    def test_secrets_in_all_places(self) -> None:
        """Secrets of each kind go in each place."""
        missed: Counter[tuple[str, str]] = Counter()
        total = 0
        for seed in (2026, 77):
            for name, secret in Corpus(seed).secrets(7):
                for place, write in PLACEMENTS.items():
                    total += 1
                    missed[(name, place)] += left_of(write(name, secret), secret, place)
        self.assertLess(sum(missed.values()), total / 100, [each for each in missed.most_common(20) if each[1]])

    def test_nothing_is_found_twice(self) -> None:
        """What is redacted is left alone when it is redacted again."""
        for name, secret in Corpus(7).secrets(1):
            for write in PLACEMENTS.values():
                text = write(name, secret)
                rules = default_rules()
                parts, position = [], 0
                for each in rules.find(text):
                    parts += [text[position : each.start], rules.tagger.placeholder(each)]
                    position = each.end
                clean = "".join([*parts, text[position:]])
                self.assertEqual(rules.find(clean), [], clean)


class HarmlessTests(SynchronousTestCase):
    """At most one harmless text in a thousand is touched."""

    def test_harmless_texts(self) -> None:
        """Code, diffs, lock files, minified scripts, styles, prose, translations, data, schemas stay."""
        rules, touched, total = default_rules(), [], 0
        for kind, text in harmless(2026):
            total += 1
            # What may hold none is not searched: `TogetherTests` shows that nothing is found where this says no.
            if rules.may_hold([text]):
                touched += [(kind, each.kind, text[each.start : each.end][:60]) for each in rules.find(text)[:1]]
        self.assertGreaterEqual(total, 4000)
        self.assertLessEqual(len(touched), total / 1000, touched)


class EngineTests(SynchronousTestCase):
    """The engine of machines without a wheel finds the same."""

    def test_both_engines_find_the_same(self) -> None:
        """Both name the same places in the corpus, and in harmless texts."""
        other = Scanner(BacktrackingEngine)
        scanner = Scanner()
        places, every = list(PLACEMENTS.values()), effort(4)
        texts = [
            places[(at + step) % len(places)](name, secret)
            for at, (name, secret) in enumerate(Corpus(3).secrets(1))
            for step in range(min(every, len(places)))
        ]
        texts += [text[:1500] for _, text in harmless(3)][::80]
        for text in texts:
            raw = text.encode()
            self.assertEqual(other.find(raw), scanner.find(raw), text)

    def test_what_neither_reads(self) -> None:
        """An expression that is none is refused by both."""
        for engine in (make_engine, BacktrackingEngine):
            with self.assertRaises(ValueError):
                engine(b"(")
        self.assertTrue(EXPRESSION)
