"""The query language, ``model:opus status:>=400 cost:>0.5 since:7d sort:-cost "any words"``, for all interfaces.

A field narrows the result; a comma within a value means "or"; a minus sign in front of a field negates it
(``-client:codex``). Text fields match by substring, ignoring case; number fields accept ``>``, ``>=``, ``<``, ``<=``.
Everything else is searched for as words. Input that cannot be interpreted is an error that names the word.
"""

import difflib
import operator
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import attr

_TERM = re.compile(r'(-?)([A-Za-z_]+):("[^"]*"?|[^\s"]*)|("[^"]*"?\*?|\S+)')
_BOUND = re.compile(r"(>=|<=|>|<|=)?(\d+(?:\.\d+)?)(k|M|ms|s|m|h|%)?\Z")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])\Z")
_SPANS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FACTORS = {"k": 1e3, "M": 1e6, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "%": 0.01, None: 1.0, "": 1.0}
_SIGNS = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
#: Text fields, and the member of a summary that each refers to.
TEXTS = {
    **{name: name for name in ("upstream", "cwd", "client", "dialect", "category", "outcome", "agent", "account")},
    "session": "session_id",
    "model": "model",
    "version": "client_version",
    "tool": "tools",
    "path": "path",
    "error": "error_message",
    "stop": "stop_reason",
    "tag": "tags",
    "note": "note",
    "project": "cwd",
    "user": "user",
    "team": "team",
    "host": "host",
}
#: Number fields.
NUMBERS = {
    "status": "status",
    "cost": "cost",
    "duration": "duration_ms",
    "ttft": "ttft_ms",
    "seq": "seq",
    "in": "prompt_tokens",
    "new": "new_tokens",
    "out": "output_tokens",
    "cached": "cached_share",
    "bytes": "request_bytes",
    "written": "cache_creation_input_tokens",
    "read": "cache_read_input_tokens",
}
TIMES = ("since", "until")
#: The latest time that a query can name, in milliseconds since the epoch; no record is later.
FARTHEST_MS = (1 << 42) - 1
#: Members that come from people's annotations, not from summaries; callers look them up.
ANNOTATED = frozenset({"tags", "note", "starred"})
#: Members that identify the caller; only readers of a whole team's calls have them.
LABELLED = frozenset({"user", "team", "host"})
FLAGS = {"errors": "has_error", "starred": "starred"}
#: Fields that a list may be sorted by, and the member that each is.
SORTS = {"time": "started_at", "model": "model", "client": "client", **NUMBERS}
FIELDS = (*TEXTS, *NUMBERS, *TIMES, *FLAGS, "sort")


class QuestionError(ValueError):
    """A query cannot be understood; the message is one sentence with the word and what would be valid."""


@attr.frozen
class Narrowing:
    """One field of a question.

    :ivar field: one of `FIELDS`, as typed.
    :ivar values: for a text field: the member must contain one of these.
    :ivar bounds: for a number: ``(sign, number)``, one of which must hold.
    :ivar turned: whether the condition is negated.
    """

    field: str
    values: tuple[str, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()
    turned: bool = False

    @property
    def member(self) -> str:
        """The member of a summary that it is about."""
        return TEXTS.get(self.field) or NUMBERS.get(self.field) or FLAGS[self.field]


@attr.frozen
class Question:
    """A parsed query.

    :ivar since: earliest start, milliseconds since the epoch.
    :ivar until: latest start, exclusive.
    :ivar words: what to search for, as the full-text search reads it.
    :ivar sort: member to sort by; empty for newest first.
    """

    narrowings: tuple[Narrowing, ...] = ()
    since: int | None = None
    until: int | None = None
    words: str = ""
    sort: str = ""
    descending: bool = True
    reading: tuple[str, ...] = ()


def parse(text: str, now_s: float | None = None) -> Question:
    """Parse a query.

    :param now_s: seconds since the epoch, for spans such as ``7d``; None for the current time.
    :raises QuestionError: if a word cannot be interpreted.
    """
    now = time.time() if now_s is None else now_s
    narrowings: list[Narrowing] = []
    options: dict[str, Any] = {}
    words: list[str] = []
    reading: list[str] = []
    for sign, field, value, word in _TERM.findall(text):
        # Words with a colon that are not fields, such as https://... and C:\..., are searched for.
        if word or (field and field.lower() not in FIELDS and _is_address(field, value)):
            words.append(word or f"{sign}{field}:{value}")
            continue
        name = field.lower()
        _known(name)
        bare = value.strip('"')
        if not bare:
            raise QuestionError(f"{name}: needs a value, such as {_EXAMPLES.get(name, name + ':opus')}")
        reading.append(f"{sign}{name}:{value}")
        if name in TIMES:
            options[name] = read_moment(name, bare, now)
        elif name == "sort":
            options["sort"], options["descending"] = _sort(bare)
        else:
            narrowings.append(_narrowing(name, bare, bool(sign)))
    return Question(tuple(narrowings), words=" ".join(words), reading=(*reading, *words), **options)


_EXAMPLES = {"status": "status:>=400", "cost": "cost:>0.5", "since": "since:7d", "sort": "sort:-cost"}


def _is_address(field: str, value: str) -> bool:
    """Whether a colon is one of an address or a path, not of a field."""
    return value.startswith("//") or len(field) == 1


def _known(name: str) -> None:
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, 1)
        hint = f"did you mean {near[0]}:?" if near else f"fields are {', '.join(FIELDS)}."
        raise QuestionError(f"there is no field {name!r}; {hint} To search for a colon, put the words in quotes.")


def _narrowing(name: str, value: str, turned: bool) -> Narrowing:
    parts = [part for part in value.split(",") if part]
    if name in NUMBERS:
        return Narrowing(name, bounds=tuple(_bound(name, part) for part in parts), turned=turned)
    if name in FLAGS:
        if value.lower() not in ("yes", "no", "true", "false"):
            raise QuestionError(f"{name}: takes yes or no, not {value!r}")
        return Narrowing(name, turned=turned != (value.lower() in ("no", "false")))
    return Narrowing(name, values=tuple(parts), turned=turned)


def _bound(name: str, text: str) -> tuple[str, float]:
    match = _BOUND.match(text)
    if match is None and name == "status" and re.fullmatch(r"[1-5]xx", text.lower()):
        return "xx", float(text[0]) * 100
    if match is None:
        raise QuestionError(f"{name}: takes a number such as {name}:>=400 or {name}:<10, not {text!r}")
    unit = match[3]
    if name in ("duration", "ttft") and unit is None:
        unit = "s"
    if name not in ("duration", "ttft") and unit in ("s", "h", "ms"):
        raise QuestionError(f"{name}: takes no {unit}; write a number, or 10k, 1.5M")
    # An m means minutes in a field of time, and millions everywhere else.
    factor = 1e6 if name not in ("duration", "ttft") and unit in ("m", "M") else _FACTORS[unit]
    return match[1] or "=", float(match[2]) * factor


def _sort(text: str) -> tuple[str, bool]:
    name = text.lstrip("-+")
    if name not in SORTS:
        raise QuestionError(f"cannot sort by {name!r}; by {', '.join(SORTS)} one can, with - for the largest first")
    return SORTS[name], text.startswith("-")


def read_moment(name: str, text: str, now_s: float) -> int:
    """Parse a time: a span back from now, a day by name, a date, or RFC 3339.

    :param name: the field or option, for the error message.
    :param now_s: now, seconds since the epoch.
    :return: milliseconds since the epoch.
    :raises QuestionError: if it is none of them.
    """
    span = _SPAN.match(text)
    if span:
        return _bounded_ms(now_s - float(span[1]) * _SPANS_S[span[2]])
    # Days are in the time zone of this machine, which is that of the person who asks.
    today = datetime.fromtimestamp(now_s).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now_s, "today": today.timestamp(), "yesterday": today.timestamp() - 86400,
             "week": today.timestamp() - 86400 * today.weekday(),
             "month": today.replace(day=1).timestamp()}  # fmt: skip
    if text.lower() in named:
        return _bounded_ms(named[text.lower()])
    try:
        timed = "T" in text.upper()
        when = (
            datetime.fromisoformat(text) if timed else datetime.combine(date.fromisoformat(text), datetime.min.time())
        )
        return _bounded_ms(when.timestamp())
    except (ValueError, OverflowError):
        raise QuestionError(f"{name}: takes 2h, 7d, today, yesterday, 2026-11-30 or a time, not {text!r}") from None


def _bounded_ms(seconds: float) -> int:
    """Convert a time to milliseconds, as far as a record's order key can hold one: before is 1970, after it 2109."""
    return min(max(round(seconds * 1000), 0), FARTHEST_MS)


def matches(question: Question, summary: Mapping[str, Any], started_ms: int | None = None) -> bool:
    """Return whether a summary passes every field of a query; words are searched for elsewhere.

    :param started_ms: when the call began; None to ignore the limits of time.
    """
    if started_ms is not None:
        if question.since is not None and started_ms < question.since:
            return False
        if question.until is not None and started_ms >= question.until:
            return False
    return all(_holds(each, summary) != each.turned for each in question.narrowings if each.member not in ANNOTATED)


def _holds(each: Narrowing, summary: Mapping[str, Any]) -> bool:
    value = member(summary, each.member)
    if each.bounds:
        # Unknown values pass no bound, not even an upper one, because unknown is not zero.
        return isinstance(value, int | float) and any(_within(value, *bound) for bound in each.bounds)
    if not each.values:
        return bool(value)
    texts = value if isinstance(value, list | tuple) else [value]
    folded = [str(text).casefold() for text in texts if text is not None]
    return any(wanted.casefold() in text for wanted in each.values for text in folded)


def _within(value: float, sign: str, bound: float) -> bool:
    if sign == "xx":
        return bound <= value < bound + 100
    return bool(_SIGNS[sign](value, bound))


def member(summary: Mapping[str, Any], name: str) -> Any:
    """Return a member of a summary, those that are computed from others included."""
    if name not in ("prompt_tokens", "cached_share", "new_tokens"):
        return summary.get(name)
    counts = [summary.get(each) for each in _PROMPT]
    if counts[0] is None:
        return None
    total = sum(count or 0 for count in counts)
    if name == "prompt_tokens":
        return total
    if name == "new_tokens":
        return total - (counts[1] or 0)
    return counts[1] / total if total and counts[1] is not None else None


def ordered(question: Question, summaries: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Sort summaries as a query requests; those without the value come last in either order."""
    listed = list(summaries)
    if not question.sort:
        return listed
    known = [each for each in listed if member(each, question.sort) is not None]
    rest = [each for each in listed if member(each, question.sort) is None]
    return [*sorted(known, key=lambda each: member(each, question.sort), reverse=question.descending), *rest]
