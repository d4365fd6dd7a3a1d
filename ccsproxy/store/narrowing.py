"""Translates the query language to SQL: each field to a condition on ``requests``, each sort to an expression."""

from typing import Any

from ccsproxy.insight.query import ANNOTATED, FLAGS, NUMBERS, SORTS, TEXTS, Narrowing, Question
from ccsproxy.store.index.schema import NAMED
from ccsproxy.store.state.annotations import Marked

#: Members that are computed from columns.
_COMPUTED = {
    "prompt_tokens": "(requests.input_tokens + ifnull(requests.cache_read_input_tokens, 0)"
    " + ifnull(requests.cache_creation_input_tokens, 0))",
    "new_tokens": "(requests.input_tokens + ifnull(requests.cache_creation_input_tokens, 0))",
}
_COMPUTED["cached_share"] = f"(1.0 * requests.cache_read_input_tokens / nullif({_COMPUTED['prompt_tokens']}, 0))"


def expression(member: str) -> str:
    """Return the SQL expression for a member of a summary that the query language knows."""
    if member not in {*TEXTS.values(), *NUMBERS.values(), *FLAGS.values(), *SORTS.values()}:
        raise ValueError(f"{member} is not a member of a summary")
    return _COMPUTED.get(member, f"requests.{member}")


def conditions(question: Question) -> tuple[list[str], list[Any]]:
    """Convert the fields of a question to conditions with placeholders, and their values."""
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
    """Return a condition that matches the sessions and calls found in the annotations."""
    pieces, values = ["0"], list[Any]()
    if chosen.sessions:
        pieces.append(f"requests.raw_session_id IN ({_SESSION} IN ({', '.join('?' * len(chosen.sessions))}))")
        values += sorted(chosen.sessions)
    for session in sorted({session for session, _ in chosen.calls}):
        numbers = sorted(seq for each, seq in chosen.calls if each == session)
        marks = ", ".join("?" * len(numbers))
        pieces.append(f"(requests.raw_session_id = ({_SESSION} = ?) AND requests.seq IN ({marks}))")
        values += [session, *numbers]
    return _any(pieces), values


_SESSION = "SELECT +name FROM names WHERE field = 'session_id' AND value"


def _condition(each: Narrowing) -> tuple[str, list[Any]]:
    column = expression(each.member)
    if each.bounds:
        pieces = [_bound("value" if each.member in NAMED else column, *bound) for bound in each.bounds]
        sql, values = _any([piece for piece, _ in pieces]), [value for _, given in pieces for value in given]
    elif each.values:
        values = [_pattern(value) for value in each.values]
        likes = r"value LIKE ? ESCAPE '\'" if each.member in NAMED else rf"{column} LIKE ? ESCAPE '\'"
        sql = _any([likes] * len(values))
    else:
        return f"({column} IS NOT NULL AND {column} <> 0)", []
    if each.member not in NAMED:
        return sql, values
    return _named(each.member, sql), values


def _named(member: str, sql: str) -> str:
    """Rewrite a condition on names, of which there are few, as one on the rows that have one of them."""
    field = "tool" if member == "tools" else member
    chosen = f"SELECT name FROM names WHERE field = '{field}' AND {sql}"  # noqa: S608  (a member of a summary)
    if member == "tools":
        called = f"call.key = requests.key AND call.name IN ({chosen})"
        return f"EXISTS (SELECT 1 FROM tool_calls AS call WHERE {called})"  # noqa: S608
    return f"requests.raw_{member} IN ({chosen})"


def _any(pieces: list[str]) -> str:
    return f"({' OR '.join(pieces)})"


def _bound(column: str, sign: str, bound: float) -> tuple[str, list[Any]]:
    if sign == "xx":
        return f"({column} >= ? AND {column} < ?)", [bound, bound + 100]
    return f"{column} {sign} ?", [bound]


def _pattern(value: str) -> str:
    """Convert a text to a pattern that matches where it is contained."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def order(question: Question) -> str:
    """Return a question's sort order as SQL; rows without the value come last."""
    column = expression(question.sort)
    return f"{column} IS NULL, {column} {'DESC' if question.descending else 'ASC'}, requests.key DESC"
