"""Tests for `ccsproxy.redaction.text_memory`: with it and without it the same is found."""

import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import Redactor, Rules, Tagger
from ccsproxy.redaction.search.finding import FoundSecret
from ccsproxy.redaction.search.scanner import Scanner
from ccsproxy.redaction.text_memory import SHORTEST, TextMemory
from test.effort import effort

SCANNER = Scanner()
TAGGER = Tagger(b"k" * 32)
SECRET = "ghp_" + "A1b2C3d4E5" * 3 + "F6g7H8"
LONG = "word after word, " * (SHORTEST // 16)
#: Texts of a conversation: long and short, with and without secrets, some that differ by one letter.
TEXTS = st.sampled_from(
    (LONG, LONG + "x", LONG[:-1], f"{LONG}{SECRET}", f"{SECRET[:9]}{LONG}{SECRET[9:]}", SECRET, "short", "é" * 600,
     f"é{LONG}DB_PASSWORD=x9!yz-k\n", f"{LONG}DB_PASSWORD=x9!yz-", LONG + "DB_PASSWORD=changeme")
)  # fmt: skip


class EqualityTests(SynchronousTestCase):
    """The memory saves time and nothing else."""

    @given(st.lists(st.lists(TEXTS, max_size=5), max_size=8), st.integers(1, 4))
    @settings(max_examples=effort(80), deadline=None)
    def test_sessions(self, turns: list[list[str]], size: int) -> None:
        """Sessions that send their texts again are redacted alike with a memory of any size, and without."""
        with_memory = Rules(TAGGER, scanner=SCANNER, memory=TextMemory(size, size))
        without = Rules(TAGGER, scanner=SCANNER)
        sent: list[str] = []
        for turn in turns:
            sent += turn
            body: Any = {"messages": [{"role": "user", "content": text} for text in sent]}
            quick, thorough = Redactor(rules=with_memory), Redactor(rules=without)
            self.assertEqual(quick.tree(body), thorough.tree(body))
            self.assertEqual(list(quick.report.replaced()), list(thorough.report.replaced()))

    def test_a_known_text_is_not_searched_again(self) -> None:
        """The second time a long text is looked up, alone and among others, clean or not."""
        rules = Rules(TAGGER, scanner=SCANNER, memory=TextMemory())
        first = [rules.find(text) for text in (LONG, LONG + SECRET)]
        self.patch(rules, "find_in", lambda raw: self.fail("searched"))
        self.assertEqual([rules.find(text) for text in (LONG, LONG + SECRET)], first)
        self.assertFalse(rules.may_hold([LONG, LONG]))
        self.assertTrue(rules.may_hold([LONG, LONG + SECRET]))


class BoundTests(SynchronousTestCase):
    """It is bounded, and forgets what was not asked for longest."""

    def test_generations(self) -> None:
        """What is asked for again outlives what is not."""
        memory = TextMemory(clean=3, found=1)
        names = [memory.hash_of(str(each)) for each in range(8)]
        for name in names:
            memory.remember(name, [])
            self.assertEqual(memory.known(names[0]), [])
        self.assertIsNone(memory.known(names[1]))
        finding = [FoundSecret(0, 1, "x", b"y")]
        memory.remember(1, finding)
        memory.remember(2, finding)
        self.assertEqual((memory.known(1), memory.known(2)), (None, finding))

    def test_the_same_bytes_in_memory(self) -> None:
        """A text of wide letters is not the one of narrow letters that lies in memory alike."""
        memory = TextMemory()
        narrow, wide = "AB" * 600, chr(0x4241) * 600
        self.assertNotEqual(memory.hash_of(narrow), memory.hash_of(wide))

    def test_memory(self) -> None:
        """A quarter of both generations takes less than a quarter of 48 MB, as tables grow by doubling."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        memory = TextMemory(clean=45_000)
        for each in range(2 * 45_000):
            memory.remember(each << 96 | 1 << 95, [])
        self.assertLess(tracemalloc.get_traced_memory()[0], 12 << 20)
