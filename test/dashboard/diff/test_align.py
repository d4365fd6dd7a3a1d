"""Tests of two lists put side by side."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff import align as module
from ccsproxy.dashboard.diff.align import align, key
from ccsproxy.dialects.views.view import Block, Message

_WORDS = st.lists(st.sampled_from("abcd"), max_size=10)


def message(text: str, role: str = "user") -> Message:
    """Return a message of one text."""
    return Message(role, (Block(kind="text", text=text),))


class AlignTests(SynchronousTestCase):
    """What stayed, came, went, or took another's place."""

    @given(_WORDS, _WORDS)
    def test_nothing_is_lost_or_invented(self, one: list[str], other: list[str]) -> None:
        """The pairs have all of both lists, in order, each at its place; equal ones say the same."""
        before, after = [message(each) for each in one], [message(each) for each in other]
        pairs = align(before, after)
        self.assertEqual([pair.before for pair in pairs if pair.before is not None], before)
        self.assertEqual([pair.after for pair in pairs if pair.after is not None], after)
        self.assertEqual([pair.before_at for pair in pairs if pair.before is not None], list(range(len(before))))
        self.assertEqual([pair.after_at for pair in pairs if pair.after is not None], list(range(len(after))))
        self.assertTrue(all(key(pair.before) == key(pair.after) for pair in pairs if pair.equal))

    def test_changed_is_of_one_role(self) -> None:
        """A message of the user does not become one of the model: one went and one came."""
        kinds = [pair.kind for pair in align([message("a")], [message("b")])]
        self.assertEqual(kinds, ["changed"])
        kinds = [pair.kind for pair in align([message("a")], [message("b", "assistant")])]
        self.assertEqual(sorted(kinds), ["added", "removed"])

    def test_too_many_to_be_aligned(self) -> None:
        """They are replaced, in linear time; what is common at both ends still stays."""
        self.patch(module, "MOST", 3)
        before = [message(each) for each in "xabcdey"]
        pairs = align(before, [before[0], *(message(each) for each in "edcba"), before[-1]])
        self.assertEqual([pair.kind for pair in pairs], ["same", *["changed"] * 5, "same"])

    def test_keys(self) -> None:
        """Marks of the cache do not count, nor does the order of members."""
        marked = Block(kind="text", text="a", cache_breakpoint=True)
        self.assertEqual(key(marked), key(Block(kind="text", text="a")))
        one, other = (Block(kind="json", value=value) for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
        self.assertEqual(key(one), key(other))
