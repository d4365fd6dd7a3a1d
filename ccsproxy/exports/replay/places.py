"""Places in a JSON value, as in ``--set``: ``messages[0].content``, ``$.metadata['user id']``.

A subset of JSONPath (RFC 9535): names and indexes, but no wildcards, since a setting has one place.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

#: Member names and element indexes, from the top.
Place = tuple[str | int, ...]

_STEP = re.compile(
    r"""\[(-?[0-9]{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|(\A\.?|\.)([^.\[\]'"=]+)""", re.S
)
_PLAIN = re.compile(r"""[^.\[\]'"=$][^.\[\]'"=]*""")
#: The placeholder of a redacted secret (`ccsproxy.redaction.kinds.tags`).
_PLACEHOLDER = re.compile(r"<redacted(?::[a-z0-9-]+:[0-9a-f]{4,8})?>")


class PlaceError(ValueError):
    """A place is invalid or does not exist; the message is a sentence."""


def read_place(text: str) -> tuple[Place, str]:
    """Parse a place at the beginning of a text.

    :return: the place, and the text after it.
    :raises PlaceError: if there is none.
    """
    at, steps = (1 if text[:1] == "$" else 0), list[str | int]()
    begin = at
    while match := _STEP.match(text, at):
        number, single, double, dot, name = match.groups()
        if name is not None and not dot and at != begin:
            break
        quoted = single if single is not None else double
        steps.append(
            int(number) if number is not None else name if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        )
        at = match.end()
    if not steps:
        raise PlaceError(f"{text[:80]!r} does not begin with a place; write it as in messages[0].content")
    return tuple(steps), text[at:]


def write_place(place: Place) -> str:
    """Format a place so that `read_place` can parse it."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            path += f".{step}" if path else step
        else:
            escaped = step.replace("\\", "\\\\").replace("'", "\\'")
            path += f"['{escaped}']"
    return path


def with_value(value: Any, place: Place, new: Any) -> Any:
    """Return a copy of a value with another one at a place.

    Missing members are created; an element must exist, or be the next one.

    :raises PlaceError: if the place does not exist.
    """
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(step, int) and isinstance(value, list) and -len(value) <= step <= len(value):
        number = step % len(value) if step < 0 else step
        inner = value[number] if number < len(value) else None
        return [*value[:number], with_value(inner, rest, new), *value[number + 1 :]]
    if isinstance(step, str) and (isinstance(value, dict) or value is None):
        held = value or {}
        return {**held, step: with_value(held.get(step), rest, new)}
    raise PlaceError(f"there is no {write_place((step,))!r} in {_kind(value)}")


def without(value: Any, place: Place) -> Any:
    """Return a copy of a value without a place.

    :raises PlaceError: if the place does not exist.
    """
    whole = copy.copy(value)
    try:
        step: Any = place[0]
        if isinstance(value, list) is not isinstance(step, int):
            raise KeyError(step)
        if len(place) == 1:
            del whole[step]
        else:
            whole[step] = without(value[step], place[1:])
    except (KeyError, IndexError, TypeError):
        raise PlaceError(f"there is no {write_place(place[:1])!r} in {_kind(value)}") from None
    return whole


def placeholders(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield the places of texts that contain a placeholder; for a member name, the place of the member."""
    if isinstance(value, str):
        if _PLACEHOLDER.search(value):
            yield at
    elif isinstance(value, dict):
        for name, member in value.items():
            if _PLACEHOLDER.search(name):
                yield (*at, name)
            else:
                yield from placeholders(member, (*at, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from placeholders(each, (*at, number))


def is_replaced(text: str) -> bool:
    """Tell whether a text contains a placeholder."""
    return _PLACEHOLDER.search(text) is not None


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return {dict: "an object", str: "a text", type(None): "nothing"}.get(type(value), "a number or boolean")
