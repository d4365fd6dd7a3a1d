"""The text of a stream as pieces that can be redacted separately and joined again."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from ccsproxy.redaction.streams.cut import Cut, read_cut
from ccsproxy.wire.jsonarray import JsonArrayDecoder
from ccsproxy.wire.jsontext import JsonError, dumps, loads

_LINES = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
#: The common form of an event: an optional name, one line of data, empty lines.
_ORDINARY = re.compile(r"((?:event:[^\r\n]*\n)?)(data: ?)([^\r\n]*)\n(?:\n)+")
_DATA = re.compile(r"\ufeff?data(?:: ?|\Z)")


#: A data line: its field and colon, its value, its line end.
_Line = tuple[str, str, str]
#: Consecutive data lines, and the text before them.
_Run = tuple[list[_Line], str]


class Piece:
    """A part of a stream.

    :ivar root: a list that begins with the JSON value of the part, or with its text if it is not JSON; for truncated
        JSON, the unparsed rest of the text follows.
    :ivar payload: the original payload.
    :ivar json: whether the payload is JSON, truncated or not.
    :ivar changed: set when ``root`` was changed; an unchanged piece is kept byte for byte.
    """

    __slots__ = ("_cut", "_raw", "_write", "changed", "json", "payload", "root")

    def __init__(self, raw: str | None, payload: str, write: Callable[[str], str], json: bool = True) -> None:
        """Create a piece.

        :param raw: the text of the part, with its framing; None if ``write(payload)`` produces it.
        :param payload: the part without its framing.
        :param write: adds the framing to a changed payload.
        :param json: whether to try to parse the payload as JSON.
        """
        self._raw, self._write, self.payload = raw, write, payload
        self._cut: Cut | None = None
        self.changed = False
        self.json = False
        self.root: list[Any] = [payload]
        if json and payload:
            self._read(payload)

    def _read(self, payload: str) -> None:
        try:
            self.root = [loads(payload)]
        except JsonError:
            self._cut = read_cut(payload)
            if self._cut is None:
                return
            self.root = [self._cut.value, self._cut.rest]
        self.json = True

    def payload_key(self) -> bytes:
        """Return the key under which an event with this payload is cached."""
        return key_of(loads(self.payload)) if self.json and self._cut is None else key_of(self.payload)

    def payload_now(self) -> str:
        """Return the current payload."""
        if not self.json:
            return str(self.root[0])
        value = self.root[0]
        return dumps(value).decode("utf-8") if self._cut is None else self._cut.written(value) + self.root[1]

    def render(self) -> str:
        """Return the current text of the part."""
        if self.changed:
            return self._write(self.payload_now())
        return self._write(self.payload) if self._raw is None else self._raw


class ValuePiece(Piece):
    """An event given as a JSON value, which is copied."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        super().__init__("", "", str, json=False)
        self.root, self.json = [loads(dumps(value))], True


class _Rest(Piece):
    """Further data lines of an event, dropped when the event is rewritten."""

    __slots__ = ("_event", "_lines")

    def __init__(self, raw: str, event: Piece) -> None:
        super().__init__(raw, "", str, json=False)
        self._event, self._lines = event, raw

    def render(self) -> str:
        """Return the lines; nothing once the event has changed."""
        return "" if self._event.changed else self._lines


def key_of(value: Any) -> bytes:
    """Return a key that is equal for equal events, JSON or not."""
    return dumps(value)


def pieces_of(text: str, kind: str) -> Iterator[Piece]:
    """Split a stream into pieces that join to the same text.

    :param kind: ``sse``, ``ndjson`` or ``json`` (a streamed array); anything else is treated as one plain text.
    """
    return _SPLITTERS.get(kind, _plain)(text)


def _plain(text: str) -> Iterator[Piece]:
    yield Piece(text, text, str, json=False)


def _sse(text: str) -> Iterator[Piece]:
    """Split an event stream: events of the common form at its beginning one by one, the rest line by line."""
    position, between = 0, ""
    while match := _ORDINARY.match(text, position):
        before, field, payload = match.groups()
        yield from _plain(between + before)
        yield Piece(None, payload, _line_writer(field))
        position, between = match.end(), text[match.end(3) + 1 : match.end()]
    yield from _plain(between)
    yield from _any_sse(text[position:])


def _line_writer(field: str) -> Callable[[str], str]:
    return lambda new: "\n".join(field + line for line in new.split("\n")) + "\n"


def _any_sse(text: str) -> Iterator[Piece]:
    """Split an event stream into runs of data lines and the text between them."""
    runs: list[_Run] = []
    others: list[str] = []
    for match in _LINES.finditer(text):
        line, end = match.groups()
        data = _DATA.match(line)
        if data is None:
            if runs and not line:
                yield from _event(runs)
                runs = []
            others += (line, end)
            continue
        if not runs or others:
            runs.append(([], "".join(others)))
            others = []
        runs[-1][0].append((data.group(), line[data.end() :], end))
    yield from _event(runs)
    yield from _plain("".join(others))


def _event(runs: list[_Run]) -> Iterator[Piece]:
    """Return the pieces of one event: its data is in the first run, where a changed event is written."""
    first: Piece | None = None
    payload = "\n".join(value for lines, _ in runs for _, value, _ in lines)
    for lines, before in runs:
        raw = "".join(field + value + end for field, value, end in lines)
        yield from _plain(before)
        if first is None:
            first = Piece(raw, payload, _data_writer(lines))
            yield first
        else:
            yield _Rest(raw, first)


def _data_writer(lines: list[_Line]) -> Callable[[str], str]:
    field, _, inner = lines[0]
    last = lines[-1][2]
    return lambda new: inner.join(field + line for line in new.split("\n")) + last


def _ndjson(text: str) -> Iterator[Piece]:
    for match in _LINES.finditer(text):
        line, end = match.groups()
        if line or end:
            yield Piece(None, line, lambda new, end=end: new + end)  # type: ignore[misc]


def _array(text: str) -> Iterator[Piece]:
    position = 0
    for element in JsonArrayDecoder().feed(text.encode("utf-8", "surrogatepass")):
        part = element.decode("utf-8", "surrogatepass")
        start = text.index(part, position)
        yield from _plain(text[position:start])
        yield Piece(part, part, str)
        position = start + len(part)
    rest = text[position:]
    payload = rest.lstrip(" \t\r\n,[")
    before = rest[: len(rest) - len(payload)]
    yield Piece(rest, payload, lambda new: before + new)


_SPLITTERS: dict[str, Callable[[str], Iterator[Piece]]] = {"sse": _sse, "ndjson": _ndjson, "json": _array}
