"""Tests for `ccsproxy.wire.runs`: reading a run at once gives what reading its texts one by one gives."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.jsontext import loads
from ccsproxy.wire.runs import TextRun, runs
from test.effort import effort

STRINGS = (
    "",
    "a",
    "b c",
    '"',
    "\\",
    '\\"',
    "é",
    "\U0001f600",
    "\ud83d",
    "\n",
    '","',
    '"}',
    "differs",
    "\ue000differs",
)
FRAMES = (
    '{"type":"d","text":%s}',
    '{"n":1,"text":%s,"end":null}',
    "%s",
    "[%s]",
    '{"a":{"text":%s},"b":"c"}',
    "{%s:1}",
)
#: What is no event of these, or is hardly one.
OTHERS = (
    b"",
    b"[DONE]",
    b'{"text":"a\\"}',
    b'{"text":"a","text":"b"}',
    b'{"text":","}',
    b'{"text":"\xff"}',
    b'{"text":"a\nb"}',
)
EVENTS = st.one_of(
    st.tuples(st.sampled_from(FRAMES[:2]), st.sampled_from(STRINGS)),
    st.tuples(st.sampled_from(FRAMES), st.sampled_from(STRINGS)),
).map(lambda pair: (pair[0] % json.dumps(pair[1])).encode("utf-8"))


def text(kind: str, piece: str) -> bytes:
    return json.dumps({"type": kind, "index": 0, "text": piece}).encode()


class RunsTests(SynchronousTestCase):
    """Runs are found where they are, and nothing else is taken for one."""

    def told(self, texts: list[bytes]) -> list[Any]:
        return [(each.start, each.end, each.text) if isinstance(each, TextRun) else each for each in runs(texts)]

    def test_a_run_and_what_stands_around_it(self) -> None:
        """Texts that differ in one string are one run; the others stay alone."""
        pieces = [text("delta", piece) for piece in ("a", "b\\n", 'c"', "", "é", "f")]
        self.assertEqual(
            self.told([text("start", ""), *pieces, text("stop", "x"), b"{}"]), [0, (1, 7, 'ab\\nc"éf'), 7, 8]
        )

    def test_the_string_may_stand_anywhere(self) -> None:
        """In the middle, in a list, among numbers that do not change."""
        texts = [
            b'{"id":"x","choices":[{"delta":{"content":"%b"},"n":1}],"end":null}' % each
            for each in (b"He", b"Hey", b"y")
        ]
        (run,) = runs(texts)
        assert isinstance(run, TextRun)
        self.assertEqual((run.text, run.holder, run.key), ("HeHeyy", {"content": "HeHeyy"}, "content"))
        self.assertEqual(run.value["choices"][0]["delta"], {"content": "HeHeyy"})

    def test_equal_texts(self) -> None:
        """A string may also not differ."""
        self.assertEqual(self.told([text("delta", "a")] * 4), [(0, 4, "aaaa")])

    def test_what_only_looks_like_a_run(self) -> None:
        """A quotation mark that is escaped, or one too many, makes no string of two and no two of one."""
        for parts in (
            [b"a\\", b',"b', b"c"],
            [b'a","b', b"c", b"d"],
            [b"a\\", b"b", b'c","d'],
            [b"a\nb", b"c", b"d"],
        ):
            texts = [b'{"t":"%b"}' % part for part in parts]
            self.assertEqual(self.told(texts), [0, 1, 2], parts)

    def test_other_differences(self) -> None:
        """Numbers, names of members, and two strings at once."""
        for frame in (b'{"n":%d,"a":"b"}', b'{"n%d":"b"}', b'{"a":"%d","b":"%d"}'):
            texts = [frame % ((n,) * frame.count(b"%d")) for n in range(6)]
            self.assertEqual(self.told(texts), [0, 1, 2, 3, 4, 5])

    @given(st.lists(st.one_of(EVENTS, st.sampled_from(OTHERS)), max_size=14))
    @settings(max_examples=effort(300), deadline=None)
    def test_a_run_reads_as_its_texts(self, texts: list[bytes]) -> None:
        """Each text of a run is JSON, equal but for the one string; together they are in their order and complete."""
        at = 0
        for each in runs(texts):
            if not isinstance(each, TextRun):
                self.assertEqual(each, at)
                at += 1
                continue
            self.assertEqual(each.start, at)
            at = each.end
            self.assertIs(each.holder[each.key], each.text)
            each.holder[each.key] = "here"
            read = []
            for single in texts[each.start : each.end]:
                value = loads(single)
                ((holder, key),) = places(each.value, value)
                read.append(holder[key])
                holder[key] = "here"
                self.assertEqual(value, each.value)
            self.assertEqual("".join(read), each.text)
        self.assertEqual(at, len(texts))


def places(pattern: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return where a value has what a pattern has as "here"."""
    found = []
    if isinstance(pattern, dict | list):
        for key, part in pattern.items() if isinstance(pattern, dict) else enumerate(pattern):
            found += [(value, key)] if part == "here" else places(part, value[key])
    return found
