"""Unknown filter values: reported when a list is empty, with what was probably meant.

Outcomes, categories and dialects are fixed, and an unknown one is an error (`ccsproxy.store.query`). Models, clients,
upstreams, directories and tools are whatever was recorded: an unknown one is not an error, because it may be recorded
tomorrow, but an empty list must not look as if the query had been understood.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.store.query import Query

#: How similar a value, or a word of it, must be to count as a typing error (0 to 1).
_ALIKE = 0.7
#: How many values are listed if none is similar, and how many are searched for a similar one.
_NAMED, _LOOKED_THROUGH = 3, 2000
_WORDS = re.compile(r"[^a-z0-9]+")
_CALLED = {"cwd": "project", "tools": "tool"}


def unknown_values(query: Query, known: Mapping[str, Sequence[Any]]) -> list[str]:
    """Report the values of a query that no record has.

    :param known: the recorded values, by field, the most frequent first.
    :return: one sentence each, without its full stop.
    """
    found = []
    for name, values in {**query.fields, "tool": query.tool}.items():
        there = [str(each) for each in known.get(name, ())]
        found += [_sentence(name, value, there) for value in values if there and value not in there]
    # Exact values above, substrings below: the two ways in which filters match.
    for each in query.question.narrowings if query.question else ():
        field = "tool" if each.member == "tools" else each.member
        there = [str(value) for value in known.get(field, ())]
        if there and not each.turned:
            found += [_sentence(field, value, there) for value in each.values if not _contained(value, there)]
    return list(dict.fromkeys(found))


def _contained(value: str, there: Sequence[str]) -> bool:
    return any(value.casefold() in each.casefold() for each in there)


def _sentence(name: str, value: str, there: Sequence[str]) -> str:
    sentence = f"no {_CALLED.get(name, name)} {value[:60]!r} was recorded"
    near = nearest(value, there)
    if near is not None:
        return f"{sentence}; nearest: {near}"
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    return f"{sentence}; there are {', '.join(there[:_NAMED])}{more}"


def nearest(value: str, there: Sequence[str]) -> str | None:
    """Return the most similar value, None if nothing is similar.

    :param there: values, the most frequent first, which wins if two are equally similar.
    """
    best, alike = None, _ALIKE
    wanted = value.casefold()
    for each in there[:_LOOKED_THROUGH]:
        for word in {each.casefold(), *_WORDS.split(each.casefold())}:
            score = difflib.SequenceMatcher(None, wanted, word).ratio()
            if score > alike:
                best, alike = each, score
    return best
