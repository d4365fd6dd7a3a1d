"""Queries for lists of requests as conditions on an engine's ``exchanges``, equivalent to those on the index."""

from collections.abc import Sequence

from ccsproxy.insight.query import ANNOTATED, FLAGS, LABELLED, Narrowing
from ccsproxy.store.engine.aggregates import GROUPS
from ccsproxy.store.engine.engine import Engine
from ccsproxy.store.narrowing import expression
from ccsproxy.store.query import Query, terms
from ccsproxy.store.state.annotations import Marked

_NEVER = "1 = 0"


def conditions(engine: Engine, query: Query) -> list[str]:
    """Return the conditions of a query, all of which must hold."""
    found = []
    if query.session:
        found.append(_one_of(engine, "session_id", query.session))
    for name, values in query.fields.items():
        found.append(_one_of(engine, name, values))
    if query.tool:
        found.append(engine.any_of("tools", query.tool))
    for each in query.question.narrowings if query.question else ():
        if each.member not in ANNOTATED:
            sql = _narrowing(engine, each)
            # Null satisfies no condition and no negation of one; a negated condition includes unknown values, too.
            found.append(f"NOT coalesce({sql}, false)" if each.turned else sql)
    for chosen, turned in query.marked:
        found.append(f"NOT {_marked(engine, chosen)}" if turned else _marked(engine, chosen))
    for bound, sign in ((query.ceiling, "<"), (query.floor, ">=")):
        if bound is not None:
            # A cursor in a URL may be any number; beyond 64 bits an engine reports an error.
            found.append(f"key {sign} {min(bound, (1 << 63) - 1)}")
    if query.since:
        # The key decides, which contains the rounded start; this condition allows the engine to skip days.
        found.append(engine.since(max(query.since - 1000, 0)))
    if query.q:
        found += searched(engine, query)
    return found


def searched(engine: Engine, query: Query) -> list[str]:
    """Return the condition that a call contains every search term, as the first of its session."""
    wanted = terms(query.q)
    if not wanted:
        return [_NEVER]
    found = []
    for words, open_ended in wanted:
        first = engine.first_containing(engine.phrase_condition(words, open_ended), query.floor, query.ceiling)
        found.append(f"key IN ({first})")
    return found


def order(query: Query) -> str:
    """Return a list's sort order."""
    if query.question is None or not query.question.sort:
        return "key DESC"
    column = member(query.question.sort)
    way = "DESC" if query.question.descending else "ASC"
    return f"{column} IS NULL, {column} {way}, key DESC"


def member(name: str) -> str:
    """Return the expression for a member of a summary, including computed ones and labels."""
    if name in LABELLED:
        return GROUPS["person" if name == "user" else name]
    return expression(name).replace("requests.", "").replace("ifnull(", "coalesce(")


def _one_of(engine: Engine, name: str, values: Sequence[str]) -> str:
    if name == "status":
        # Numbers are written without quotes, so that nothing else may be accepted here.
        numbers = [value for value in values if value.isascii() and value.isdigit() and len(value) < 10]
        return f"status IN ({', '.join(numbers)})" if numbers else _NEVER
    return f"{name} IN ({', '.join(map(engine.literal, values))})"


def _narrowing(engine: Engine, each: Narrowing) -> str:
    column = member(each.member)
    if each.bounds:
        return _any([_bound(column, sign, bound) for sign, bound in each.bounds])
    if each.values:
        write = engine.any_contains if each.member == "tools" else engine.contains
        return _any([write(column, value) for value in each.values])
    return column if each.field in FLAGS else f"({column} IS NOT NULL)"


def _bound(column: str, sign: str, bound: float) -> str:
    if sign == "xx":
        return f"({column} >= {bound:g} AND {column} < {bound + 100:g})"
    return f"{column} {sign} {bound!r}"


def _marked(engine: Engine, chosen: Marked) -> str:
    pieces = [_NEVER]
    if chosen.sessions:
        pieces.append(_one_of(engine, "session_id", sorted(chosen.sessions)))
    pieces += [f"(session_id = {engine.literal(session)} AND seq = {seq})" for session, seq in sorted(chosen.calls)]
    return _any(pieces)


def _any(pieces: Sequence[str]) -> str:
    return f"({' OR '.join(pieces)})"
