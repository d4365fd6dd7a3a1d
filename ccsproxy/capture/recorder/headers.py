"""Header lines as records hold them; the only place that decodes their bytes."""

from collections.abc import Sequence
from functools import lru_cache

from ccsproxy.exchange import fieldlines
from ccsproxy.exchange.fieldlines import RawHeaders
from ccsproxy.exchange.record import Pairs
from ccsproxy.redaction.kinds.named.names import secret_header

#: How many lines are cached, and their maximum length: most lines of a head are the same as in the previous call.
_MOST_LINES, _LONGEST_LINE = 2048, 256
#: A line as bytes and as text.
_Line = tuple[tuple[bytes, bytes], tuple[str, str]]
_lines: dict[bytes, _Line] = {}


def text_of(data: bytes) -> str:
    """Decode the bytes of a head: UTF-8 if valid, else Latin-1, in which every byte is a character."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def pairs(headers: RawHeaders) -> Pairs:
    """Return header lines as text, with their spelling and order."""
    try:
        return [(name.decode(), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        return [(text_of(name), text_of(value)) for name, value in headers]


def _read(block: bytes) -> list[_Line] | None:
    """Parse header lines, with a cache; None if anything about them is unusual."""
    found = []
    for each in block.split(b"\r\n"):
        line = _lines.get(each)
        if line is None and each:
            line = _read_one(each)
            if line is None:
                return None
        if line is not None:
            found.append(line)
    return found


def _read_one(each: bytes) -> _Line | None:
    read = fieldlines.pairs(each + b"\r\n")
    if len(read) != 1:
        return None
    name, value = read[0]
    line = read[0], (text_of(name), text_of(value))
    # A line that is secret by its name is never cached; for those secret by their value see below.
    if len(each) <= _LONGEST_LINE and not secret_header(line[1][0]):
        if len(_lines) >= _MOST_LINES:
            _lines.clear()
        _lines[each] = line
    return line


def forget_redacted(lines: Pairs, clean: Pairs) -> None:
    """Remove lines from the cache in which a secret was found.

    :param clean: the lines without secrets, one for one; none if they could not be redacted.
    """
    found = len(clean) != len(lines) or any(
        line is not now and line != now and not secret_header(line[0]) for line, now in zip(lines, clean, strict=True)
    )
    if found:
        _lines.clear()  # which is rare; how the line was spelled is not known here


def mapping(lines: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Join header lines by lower-case name: repeated fields by a comma; cookies, which hold commas, by a newline."""
    once = {name.lower(): value for name, value in lines}
    if len(once) == len(lines):
        return once
    joined: dict[str, str] = {}
    for name, value in lines:
        key = name.lower()
        if key in joined:
            value = joined[key] + ("\n" if key == "set-cookie" else ", ") + value
        joined[key] = value
    return joined


@lru_cache(256)
def _key(name: str) -> bytes:
    """Return the text before the value of a field; the queried names are few, and our own."""
    return b"\n%b:" % name.encode("ascii")


class HeaderLines:
    """The header lines of one head, read once, and once more after `forget`."""

    __slots__ = ("_lines", "_lower", "_mapping", "_pairs", "_raw")

    def __init__(self, lines: bytes) -> None:
        """Store the lines as received, see `ccsproxy.exchange.fieldlines`."""
        self._lines = lines
        self._lower = b""
        self._raw: RawHeaders | None = None
        self._pairs: Pairs | None = None
        self._mapping: dict[str, str] | None = None

    @property
    def raw(self) -> RawHeaders:
        """The lines as bytes, with their spelling and order."""
        return self._raw if self._raw is not None else self._both()[0]

    @property
    def pairs(self) -> Pairs:
        """The lines as text, with their spelling and order."""
        return self._pairs if self._pairs is not None else self._both()[1]

    @property
    def mapping(self) -> dict[str, str]:
        """The lines joined by name, see `mapping`."""
        if self._mapping is None:
            self._mapping = mapping(self.pairs)
        return self._mapping

    @property
    def plain(self) -> bool:
        """Whether all lines are ASCII and no name occurs twice, so that `mapping` is equivalent to them."""
        return self._lines.isascii() and len(self.mapping) == len(self.pairs)

    def _both(self) -> tuple[RawHeaders, Pairs]:
        read = _read(self._lines)
        if read is None:
            self._raw = raw = fieldlines.pairs(self._lines)
            self._pairs = text = pairs(raw)
        else:
            self._raw, self._pairs = raw, text = [line[0] for line in read], [line[1] for line in read]
        return raw, text

    def field(self, name: str) -> str:
        """Return a field's value, its lines joined by a comma; empty if there is none.

        :param name: in lower case; not that of a cookie.
        """
        if not self._lower:
            self._lower = b"\n" + self._lines.lower()
        key = _key(name)
        at = self._lower.find(key)
        if at < 0:
            return ""
        begin = at + len(key)
        if self._lower.find(key, begin) >= 0:
            return self.mapping.get(name, "")
        return text_of(self._lines[begin - 1 : self._lower.index(b"\r", begin) - 1].strip(b" \t"))

    def forget(self) -> None:
        """Keep the lines only as received, which takes a tenth of the memory."""
        self._lower = b""
        self._raw = self._pairs = self._mapping = None


def media_type(lines: HeaderLines) -> str:
    """Return the media type of a body in lower case without parameters; empty if there is none."""
    return lines.field("content-type").partition(";")[0].partition(",")[0].strip().lower()
