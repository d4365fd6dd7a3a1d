"""Unknown filter values: reported when a list is empty, with what was probably meant.

Outcomes, categories and dialects are known beforehand, and an unknown one is an error (`ccsproxy.store.query`).
Models, clients, upstreams, folders and tools are whatever was recorded: one that was not is no error, as it may be
tomorrow, but an empty list must not look as if the question had been understood.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.store.query import Query

#: How alike a value, or a word of it, must be to be taken for a slip of the finger (0 to 1).
_ALIKE = 0.7
#: So many values are named where none is near, and looked through for one that is.
_NAMED, _LOOKED_THROUGH = 3, 2000
_WORDS = re.compile(r"[^a-z0-9]+")
_CALLED = {"cwd": "project", "tools": "tool"}


def unknown_values(query: Query, known: Mapping[str, Sequence[Any]]) -> list[str]:
    """Say which values of a query no record has.

    :param known: what the records have, by field, the most frequent first.
    :return: a sentence for each, without its full stop.
    """
    found = []
    for name, values in {**query.fields, "tool": query.tool}.items():
        there = [str(each) for each in known.get(name, ())]
        found += [_sentence(name, value, there) for value in values if there and value not in there]
    # Whole values above, parts of them below: so each kind of filter is met.
    for each in query.question.narrowings if query.question else ():
        field = "tool" if each.member == "tools" else each.member
        there = [str(value) for value in known.get(field, ())]
        if there and not each.turned:
            found += [_sentence(field, value, there) for value in each.values if not _contained(value, there)]
    return list(dict.fromkeys(found))


def _contained(value: str, there: Sequence[str]) -> bool:
    return any(value.casefold() in each.casefold() for each in there)


def _sentence(name: str, value: str, there: Sequence[str]) -> str:
    said = f"no {_CALLED.get(name, name)} {value[:60]!r} was recorded"
    near = nearest(value, there)
    if near is not None:
        return f"{said}; nearest: {near}"
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    return f"{said}; there are {', '.join(there[:_NAMED])}{more}"


def nearest(value: str, there: Sequence[str]) -> str | None:
    """Return what was probably meant, None when nothing is near.

    :param there: values, the most frequent first, which wins where two are as near.
    """
    best, alike = None, _ALIKE
    wanted = value.casefold()
    for each in there[:_LOOKED_THROUGH]:
        for word in {each.casefold(), *_WORDS.split(each.casefold())}:
            score = difflib.SequenceMatcher(None, wanted, word).ratio()
            if score > alike:
                best, alike = each, score
    return best
