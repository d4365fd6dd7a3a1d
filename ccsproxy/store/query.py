"""A query to the store: filters, a cursor and search words, and their SQL."""

import re
from typing import Any

import attr

from ccsproxy.dialects.registry import NAMES
from ccsproxy.exchange.outcome import Category, Outcome
from ccsproxy.insight.query import FARTHEST_MS, Question, QuestionError, parse
from ccsproxy.insight.query import matches as fits
from ccsproxy.store.narrowing import conditions as narrowed
from ccsproxy.store.narrowing import marked_condition
from ccsproxy.store.state.annotations import Marked
from ccsproxy.store.summary import KEY_BITS, Summary, as_dict, milliseconds

#: The filters of the API that name a member of a summary; a comma means "or".
FIELDS = ("upstream", "model", "cwd", "client", "dialect", "category", "outcome", "status")
#: Those with a fixed set of values.
_KNOWN = {"outcome": tuple(map(str, Outcome)), "category": tuple(map(str, Category)), "dialect": NAMES}
#: The default and the maximum number of rows in a page.
PAGE, LARGEST_PAGE = 100, 1000


class QueryError(ValueError):
    """A filter has an invalid value; the message is one sentence for the user."""


@attr.frozen
class Query:
    """A query for a list of requests.

    :ivar fields: for each of `FIELDS`, the values of which the request must have one.
    :ivar since: earliest start, milliseconds since the epoch, inclusive.
    :ivar until: latest start, milliseconds since the epoch, exclusive.
    :ivar before: the cursor of the previous page, 0 for the newest.
    :ivar question: the rest of the query in the query language; `q` has its words.
    :ivar marked: the annotations that `question` asks for, looked up, and whether the condition is negated.
    :ivar offset: rows to skip, in a list that is not sorted by time.
    """

    session: tuple[str, ...] = ()
    fields: dict[str, tuple[str, ...]] = attr.field(factory=dict)
    tool: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    q: str = ""
    limit: int = PAGE
    before: int = 0
    question: Question | None = None
    offset: int = 0
    marked: tuple[tuple[Marked, bool], ...] = ()

    @property
    def sorted(self) -> bool:
        """Whether the list is sorted other than newest first."""
        return self.question is not None and bool(self.question.sort)

    @property
    def ceiling(self) -> int | None:
        """The exclusive upper bound of the rows' order keys, null if there is none."""
        bounds = [self.before] if self.before else []
        if self.until is not None:
            bounds.append(self.until << KEY_BITS)
        return min(bounds) if bounds else None

    @property
    def floor(self) -> int | None:
        """The inclusive lower bound of the rows' order keys, null if there is none."""
        return None if self.since is None else self.since << KEY_BITS


def parse_query(given: dict[str, str]) -> Query:
    """Build a query from the parameters of a URL; unknown ones are ignored, empty ones are not filters.

    :raises QueryError: if a value is invalid.
    """
    question = parse_question(given.get("q", ""))
    fields = {name: values for name in FIELDS if (values := _values(given.get(name, "")))}
    for name, values in fields.items():
        _check(name, values)
    return Query(
        session=_values(given.get("session", "")),
        fields=fields,
        tool=_values(given.get("tool", "")),
        since=_later(_time(given, "since"), question.since),
        until=_earlier(_time(given, "until"), question.until),
        q=question.words,
        question=question,
        offset=parse_number(given, "offset", 0, 1 << 31),
        limit=parse_number(given, "limit", PAGE, LARGEST_PAGE),
        before=parse_number(given, "before", 0, 1 << 63),
    )


def parse_question(text: str) -> Question:
    """Parse the query language.

    :raises QueryError: if a word of it is invalid.
    """
    try:
        question = parse(text)
    except QuestionError as error:
        raise QueryError(str(error)) from None
    for each in question.narrowings:
        known = _KNOWN.get(each.field, ())
        for value in each.values if known else ():
            if not any(value.casefold() in name for name in known):
                raise QueryError(_unknown(each.field, value))
    return question


def _check(name: str, values: tuple[str, ...]) -> None:
    """Refuse a value that no request can ever have: the result would look like an empty list.

    :raises QueryError: listing the valid values.
    """
    known = _KNOWN.get(name, values)
    for value in values:
        if value not in known:
            raise QueryError(_unknown(name, value))
        if name == "status" and not (value.isascii() and value.isdigit()):
            raise QueryError(f"status must be a number such as 529, not {value[:40]!r}")


def _unknown(name: str, value: str) -> str:
    return f"{name} must be one of {', '.join(_KNOWN[name])}, not {value[:40]!r}"


def _later(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def parse_number(given: dict[str, str], name: str, otherwise: int, most: int) -> int:
    """Parse a whole number from 0; a larger one is reduced to the maximum.

    :raises QueryError: if it is not a number.
    """
    text = given.get(name) or str(otherwise)
    if not (text.isascii() and text.isdigit()):
        raise QueryError(f"{name} must be a whole number from 0, not {text[:40]!r}")
    return min(int(text[:20]), most)


def _values(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _time(given: dict[str, str], name: str) -> int | None:
    text = given.get(name, "").strip()
    return parse_time(text, name) if text else None


def parse_time(text: str, name: str = "since") -> int:
    """Parse a time: RFC 3339, a date, or seconds since the epoch.

    :return: milliseconds since the epoch.
    :raises QueryError: if it is none of them.
    """
    try:
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            return round(float(text) * 1000)
        whole = text.replace(" ", "+") if re.search(r"T.* ", text) else text
        moment = milliseconds(whole if "T" in whole else whole + "T00:00:00Z")
    except ValueError:
        raise QueryError(f"{name} must be a time such as 2026-11-20T08:00:00Z, not {text[:40]!r}") from None
    return min(max(moment, 0), FARTHEST_MS)


_TERM = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_WORD = re.compile(r"[^\W_]+")


def terms(q: str) -> list[tuple[list[str], bool]]:
    """Split what a user typed into terms that must all occur: words, or phrases in double quotes.

    :return: for each term its words, which must be consecutive, and whether the last is a prefix (``wor*``).
    """
    found = []
    for phrase, star, word in _TERM.findall(q):
        text = phrase or word
        words = _WORD.findall(text)
        if words:
            found.append((words, bool(star) or text.endswith("*")))
    return found


def match_expressions(q: str) -> list[str]:
    """Convert what a user typed to FTS5 expressions, one per term, that cannot have any other effect.

    :return: empty if there is nothing to search for.
    """
    return ['"' + " ".join(words) + '"' + (" *" if open_ended else "") for words, open_ended in terms(q)]


def matches(query: Query, row: Summary) -> bool:
    """Tell whether a summary matches every filter except ``q``, the cursor and the limit."""
    started = milliseconds(row.started_at)
    return (
        (not query.session or row.session_id in query.session)
        and all(_text(getattr(row, name)) in values for name, values in query.fields.items())
        and (not query.tool or any(name in query.tool for name in row.tools))
        and (query.since is None or started >= query.since)
        and (query.until is None or started < query.until)
        and (query.question is None or fits(query.question, as_dict(row)))
        and all(chosen.holds(as_dict(row)) != turned for chosen, turned in query.marked)
    )


def contains_terms(query: Query, texts: list[str]) -> bool:
    """Tell whether the texts together contain every term of ``q``."""
    whole = " \0 ".join(" ".join(word.casefold() for word in _WORD.findall(text)) for text in texts)
    for words, open_ended in terms(query.q):
        phrase = re.escape(" ".join(words).casefold())
        if not re.search(rf"(?:\A|\s){phrase}" + ("" if open_ended else r"(?:\Z|\s)"), whole):
            return False
    return True


def where(query: Query, driver: str | None = None) -> tuple[list[str], list[Any]]:
    """Convert a query's filters to SQL conditions on ``requests``, parameterised.

    :param driver: the filter that is left out because it drives the query; the others must not use their indexes, so
    that the order by key costs nothing.
    """
    conditions: list[str] = []
    values: list[Any] = []
    for name, given in [("session_id", query.session), *query.fields.items()]:
        if given and name != driver:
            named = f"SELECT +name FROM names WHERE field = '{name}' AND value IN ({_marks(given)})"  # noqa: S608
            # A session is a small part of all rows, which its index finds (see
            # `ccsproxy.store.reader.lists.OF_SESSION`).
            column = f"requests.raw_{name}" if name == "session_id" else f"+requests.raw_{name}"
            conditions.append(f"{column} IN ({named})")
            values.extend(stored(name, value) for value in given)
    if query.tool and driver != "tool":
        named = f"SELECT name FROM names WHERE field = 'tool' AND value IN ({_marks(query.tool)})"  # noqa: S608
        called = f"call.key = requests.key AND name IN ({named})"
        conditions.append(f"EXISTS (SELECT 1 FROM tool_calls AS call WHERE {called})")  # noqa: S608
        values.extend(query.tool)
    if query.question is not None:
        more, further = narrowed(query.question)
        conditions += more
        values += further
    for chosen, turned in query.marked:
        sql, given_marks = marked_condition(chosen)
        conditions.append(f"NOT {sql}" if turned else sql)
        values += given_marks
    for bound, sign in ((query.ceiling, "<"), (query.floor, ">=")):
        if bound is not None:
            conditions.append(f"requests.key {sign} ?")
            values.append(min(bound, (1 << 63) - 1))
    return conditions, values


def _marks(given: tuple[str, ...]) -> str:
    return ", ".join("?" * len(given))


def stored(name: str, value: str) -> Any:
    """Return a filter's value in the form stored in its column."""
    return int(value) if name == "status" and value.isascii() and value.isdigit() else value


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
