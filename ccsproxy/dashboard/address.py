"""The addresses of the pages; every view has one."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def exchange(sid: str, seq: int, view: str = "", **query: str) -> str:
    """Return the address of an exchange, or of one of its views."""
    wanted = {"view": view} if view and view != "overview" else {}
    return _with(f"/x/{_segment(sid)}/{int(seq)}", {**wanted, **query})


def session(sid: str, **query: str) -> str:
    """Return the address of a session."""
    return _with(f"/s/{_segment(sid)}", query)


def part(where: str) -> str:
    """Return the address of the part of a page that is shown beside a list."""
    return f"{where}{'&' if '?' in where else '?'}part=beside"


def compared(a: str, b: str) -> str:
    """Return the address of the difference between any two calls, each ``SID/SEQ``."""
    return _with("/diff", {"a": a, "b": b})


def diff(sid: str, before: int, after: int) -> str:
    """Return the address of the difference between two requests."""
    return f"/diff/{_segment(sid)}/{int(before)}/{int(after)}"


def requests(**query: str) -> str:
    """Return the address of a list of requests."""
    return _with("/calls", query)


def sessions(**query: str) -> str:
    """Return the address of a list of sessions."""
    return _with("/sessions", query)


def export(sid: str, seq: int | None, form: str) -> str:
    """Return the address of an export of an exchange or of a whole session."""
    which = _segment(sid) if seq is None else f"{_segment(sid)}/{int(seq)}"
    return _with(f"/api/export/{which}", {"format": form})


def record(sid: str, seq: int) -> str:
    """Return the address of a complete record as JSON."""
    return f"/api/requests/{_segment(sid)}/{int(seq)}"


def _segment(text: str) -> str:
    # A session's name may come from a client's header: a slash in it must not become another segment.
    return quote(text, safe="")


def _with(path: str, query: Mapping[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
