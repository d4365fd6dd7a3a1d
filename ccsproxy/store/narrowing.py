"""The query language as SQL: each field a condition on ``requests``, each sort an expression."""

from typing import Any

from ccsproxy.insight.query import ANNOTATED, FLAGS, NUMBERS, SORTS, TEXTS, Narrowing, Question
from ccsproxy.store.annotations import Marked

#: Members that are computed from columns.
_COMPUTED = {
    "prompt_tokens": "(requests.input_tokens + ifnull(requests.cache_read_input_tokens, 0)"
    " + ifnull(requests.cache_creation_input_tokens, 0))",
}
_COMPUTED["cached_share"] = (
    f"(1.0 * ifnull(requests.cache_read_input_tokens, 0) / nullif({_COMPUTED['prompt_tokens']}, 0))"
)


def expression(member: str) -> str:
    """Return the SQL expression of a member of a summary, one of those that the language knows."""
    if member not in {*TEXTS.values(), *NUMBERS.values(), *FLAGS.values(), *SORTS.values()}:
        raise ValueError(f"{member} is no member of a summary")
    return _COMPUTED.get(member, f"requests.{member}")


def conditions(question: Question) -> tuple[list[str], list[Any]]:
    """Write the fields of a question as conditions with placeholders, and the values for them."""
    found: list[str] = []
    values: list[Any] = []
    for each in question.narrowings:
        if each.member in ANNOTATED:
            continue
        sql, given = _condition(each)
        found.append(f"NOT ifnull({sql}, 0)" if each.turned else sql)
        values += given
    return found, values


def marked_condition(chosen: Marked) -> tuple[str, list[Any]]:
    """Write a condition that holds for sessions and calls that were looked up in the annotations."""
    pieces, values = ["0"], list[Any]()
    if chosen.sessions:
        pieces.append(f"requests.session_id IN ({', '.join('?' * len(chosen.sessions))})")
        values += sorted(chosen.sessions)
    if chosen.calls:
        rows = ", ".join(["(?, ?)"] * len(chosen.calls))
        pieces.append(f"(requests.session_id, requests.seq) IN (VALUES {rows})")
        values += [value for call in sorted(chosen.calls) for value in call]
    return _any(pieces), values


def _condition(each: Narrowing) -> tuple[str, list[Any]]:
    if each.bounds:
        pieces = [_bound(expression(each.member), *bound) for bound in each.bounds]
        return _any([sql for sql, _ in pieces]), [value for _, given in pieces for value in given]
    if not each.values:
        return f"({expression(each.member)} IS NOT NULL AND {expression(each.member)} <> 0)", []
    patterns = [_pattern(value) for value in each.values]
    return _any([rf"{expression(each.member)} LIKE ? ESCAPE '\'"] * len(patterns)), patterns


def _any(pieces: list[str]) -> str:
    return f"({' OR '.join(pieces)})"


def _bound(column: str, sign: str, bound: float) -> tuple[str, list[Any]]:
    if sign == "xx":
        return f"({column} >= ? AND {column} < ?)", [bound, bound + 100]
    return f"{column} {sign} ?", [bound]


def _pattern(value: str) -> str:
    """Write a text as a pattern that holds where it is contained."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def order(question: Question) -> str:
    """Return what a question sorts by, as SQL; what lacks the value comes last."""
    column = expression(question.sort)
    return f"{column} IS NULL, {column} {'DESC' if question.descending else 'ASC'}, requests.key DESC"
