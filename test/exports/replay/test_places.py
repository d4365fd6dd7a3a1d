"""Tests of places in JSON values."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.places import (
    PlaceError,
    is_replaced,
    placeholders,
    read_place,
    with_value,
    without,
    write_place,
)
from test.effort import effort

_NAMES = st.text(max_size=8)
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place in a value but its top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, each in inner for place in ((*at, step), *_places(each, (*at, step)))]


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


class ReadingTests(SynchronousTestCase):
    """What people write, and what of it is a place."""

    def test_spellings(self) -> None:
        for text, place in (
            ("model", ("model",)),
            ("$.model", ("model",)),
            ("messages[0].content", ("messages", 0, "content")),
            ("$['messages'][-1]['content']", ("messages", -1, "content")),
            ('a["b.c"].d', ("a", "b.c", "d")),
            (r"a['it\'s']", ("a", "it's")),
            ("top p.x-y_z", ("top p", "x-y_z")),
        ):
            self.assertEqual(read_place(f"{text}=1"), (place, "=1"), text)

    def test_what_is_none(self) -> None:
        for text in ("", "=1", "$", "[x]", "['a", ".", "]"):
            self.assertRaises(PlaceError, read_place, text)
        for text in ("a b]c", "a..b", "a[0]b", "a[*]"):
            self.assertNotEqual(read_place(text)[1], "", text)

    @given(st.lists(_NAMES | st.integers(-9, 99), min_size=1, max_size=5))
    @settings(max_examples=effort(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_what_is_written_is_read(self, place: list[Any]) -> None:
        self.assertEqual(read_place(write_place(tuple(place)) + "=x"), (tuple(place), "=x"))


class ChangingTests(SynchronousTestCase):
    """Values with something else at a place."""

    @given(_VALUES, _VALUES, st.data())
    @settings(max_examples=effort(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_one_place_and_no_other(self, value: Any, new: Any, data: st.DataObject) -> None:
        """What was set is there, all that is not below it stays, and the value itself is as it was."""
        places = _places(value)
        if not places:
            return
        before, place = repr(value), data.draw(st.sampled_from(places))
        changed = with_value(value, place, new)
        self.assertEqual(repr(value), before)
        self.assertEqual(repr(_at(changed, place)), repr(new))
        kept = [each for each in places if each[: len(place)] != place and place[: len(each)] != each]
        self.assertEqual([repr(_at(changed, each)) for each in kept], [repr(_at(value, each)) for each in kept])
        self.assertEqual(repr(with_value(changed, place, _at(value, place))), before)

    @given(_VALUES, st.data())
    @settings(max_examples=effort(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_removing(self, value: Any, data: st.DataObject) -> None:
        places = _places(value)
        if not places:
            return
        before, place = repr(value), data.draw(st.sampled_from(places))
        changed = without(value, place)
        self.assertEqual(repr(value), before)
        self.assertEqual(len(_at(changed, place[:-1])), len(_at(value, place[:-1])) - 1)

    def test_made_on_the_way(self) -> None:
        """Members that are missing are made, an element only at the end."""
        self.assertEqual(with_value({}, ("a", "b"), 1), {"a": {"b": 1}})
        self.assertEqual(with_value([1], (1,), 2), [1, 2])
        self.assertEqual(with_value([1, 2], (-1,), 3), [1, 3])

    def test_no_such_place(self) -> None:
        for value, place in (([1], (2,)), ([1], (-2,)), ([1], ("a",)), ({"a": "t"}, ("a", "b")), (3, (0,))):
            self.assertRaises(PlaceError, with_value, value, place, 0)
        for value, place in (([1], (2,)), ({}, ("a",)), ({"a": [1]}, ("a", "b")), (3, (0,)), ({"0": 1}, (0,))):
            self.assertRaises(PlaceError, without, value, place)


class PlaceholderTests(SynchronousTestCase):
    """Where secrets stood."""

    def test_places(self) -> None:
        body = {
            "messages": [{"content": "key <redacted:github-token:7f3a>"}, {"content": [{"text": "<redacted>"}]}],
            "env <redacted>": "x",
            "other": "<redaction> redacted <redacted:x>",
        }
        found = [write_place(place) for place in placeholders(body)]
        self.assertEqual(found, ["messages[0].content", "messages[1].content[0].text", "env <redacted>"])
        self.assertTrue(is_replaced("?key=<redacted>"))
        self.assertFalse(is_replaced("<redacted:KIND:TAG>"))
