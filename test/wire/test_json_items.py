"""Tests for `ccsproxy.wire.json_items`: what is decoded late is what would have been decoded at once."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire import json_items, jsontext
from ccsproxy.wire.json_items import SentItems, has_items, plain

NAMES = ("messages", "tools")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=8,
)
INNER = st.dictionaries(st.sampled_from((*NAMES, "model", "stop", "request", "")), VALUES | st.lists(st.dictionaries(
    st.text(max_size=4), VALUES, max_size=3), max_size=4))  # fmt: skip
BODIES = INNER | st.tuples(INNER, INNER).map(lambda both: {**both[0], "request": both[1], "n": 7})


def read(value: Any, **how: Any) -> Any:
    return json_items.loads(json.dumps(value, **how).encode("utf-8", "surrogatepass"), NAMES)


class LoadsTests(SynchronousTestCase):
    """Bodies, known and new, odd and broken."""

    @given(BODIES, st.booleans(), st.booleans())
    def test_any_value(self, value: Any, ascii_only: bool, huge: bool) -> None:
        """Whatever a body holds, it reads as one that is decoded at once; the first time, and when it is known."""
        self.patch(json_items, "_DECODED", 10 if huge else 4 << 20)
        text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        wanted = jsontext.loads(text)
        for _ in range(2):
            found = json_items.loads(text, NAMES)
            self.assertEqual(found, wanted)
            self.assertEqual(list(found), list(wanted))
            self.assertEqual(repr(plain(found)), repr(wanted))

    @given(st.binary(max_size=40))
    def test_any_bytes(self, data: bytes) -> None:
        """What is no JSON is refused, also where only an item is none."""
        for text in (data, b'{"messages":[{"a":' + data + b"}]}"):
            try:
                wanted = jsontext.loads(text)
            except jsontext.JsonError:
                self.assertRaises(jsontext.JsonError, json_items.loads, text, NAMES)
            else:
                self.assertEqual(json_items.loads(text, NAMES), wanted)

    def test_other_values(self) -> None:
        for text in (
            b"[]",
            b"3",
            b'"a"',
            b"null",
            b'{"messages":{}}',
            b'{"messages":[1,{"a":2}]}',
            b'{"messages":"x"}',
        ):
            value = json_items.loads(text, NAMES)
            self.assertEqual(value, jsontext.loads(text))
            self.assertFalse(has_items(value))

    def test_wrapped(self) -> None:
        """The lists of a request within a wrapper are read so, too; a text that looks like a wrapper is none."""
        inner = {"contents": [{"role": "user"}], "messages": [{"n": 1}], "x": [1]}
        value = read({"model": "m", "request": inner, "tools": [{"a": 1}]})
        self.assertEqual(value, {"model": "m", "request": inner, "tools": [{"a": 1}]})
        self.assertIsInstance(value["request"]["messages"], SentItems)
        self.assertIsInstance(value["tools"], SentItems)
        self.assertEqual((has_items(value), type(plain(value)["request"]["messages"])), (True, list))
        self.assertFalse(has_items(read({"a": '"request": {"messages": [{}]}', "request": {"x": [{}]}})))
        self.assertEqual(read({"request": [{"messages": [{}]}]}), {"request": [{"messages": [{}]}]})

    def test_a_long_list(self) -> None:
        """Of a list of megabytes no more is kept decoded than there is room for."""
        self.patch(json_items, "_DECODED", 40)
        items = read({"messages": [{"never": "met", "number": each} for each in range(90, 99)]})["messages"]
        for _ in range(2):
            self.assertEqual([each["number"] for each in items], [*range(90, 99)])
            kept = [isinstance(list.__getitem__(items, at), dict) for at in range(9)]
            self.assertEqual(kept, [True, *[False] * 8])

    def test_odd_text(self) -> None:
        """Half characters, numbers beyond any double and invalid UTF-8 survive, in known bodies as in new ones."""
        for inner in (b'"\\ud800"', b"1e999", b'"\xff"', b"123456789012345678901234567890"):
            text = b'{"messages":[{"a":%b}],"n":%b}' % (inner, inner)
            for _ in range(2):
                self.assertEqual(json_items.loads(text, NAMES), jsontext.loads(text))


class SentItemsTests(SynchronousTestCase):
    """Whoever asks in Python finds what is decoded; whoever encodes finds the bytes."""

    def setUp(self) -> None:
        self.values = [{"n": each, "text": "é" * each} for each in range(5)]
        read({"messages": self.values})  # from now on they are known
        self.body = read({"messages": self.values})
        self.items = self.body["messages"]

    def test_every_way_to_ask(self) -> None:
        for ask in (
            list, tuple, len, lambda each: [*each], lambda each: each[0], lambda each: each[-1],
            lambda each: each[1:3], lambda each: each[::-1], lambda each: list(reversed(each)),
            lambda each: each + [1],  # noqa: RUF005
            lambda each: [1] + each,  # noqa: RUF005
            lambda each: each.copy(), lambda each: each.index({"n": 2, "text": "éé"}),
            lambda each: each.count(each[3]), lambda each: {"n": 1, "text": "é"} in each, lambda each: 5 in each,
            lambda each: [*enumerate(each)], lambda each: json.dumps(each), lambda each: msgspec.json.decode(
                msgspec.json.encode(each)), lambda each: sorted(each, key=lambda value: -value["n"]),
            lambda each: sum(value["n"] for value in each), lambda each: bool(each), lambda each: each == self.values,
            lambda each: each != self.values, lambda each: max(each, key=len),
        ):  # fmt: skip
            self.items = read({"messages": self.values})["messages"]
            self.assertIsInstance(self.items, SentItems)
            self.assertEqual(ask(self.items), ask(list(self.values)))

    def test_decoded_late(self) -> None:
        """Only what is asked for is decoded, and once."""
        self.assertIs(self.items[1], self.items[1])
        undecoded = [isinstance(list.__getitem__(self.items, at), msgspec.Raw) for at in range(5)]
        self.assertEqual(undecoded, [True, False, True, True, True])

    def test_never_met(self) -> None:
        """An item that was never met is decoded at once: it may be no JSON."""
        items = read({"messages": [{"never": "met before", "number": 7741}]})["messages"]
        self.assertEqual(list.__getitem__(items, 0), {"never": "met before", "number": 7741})

    def test_plain(self) -> None:
        self.assertTrue(has_items(self.body))
        self.assertEqual(type(plain(self.body)["messages"]), list)
        self.assertEqual(plain(7), 7)
