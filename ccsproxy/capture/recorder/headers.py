"""Header lines as records hold them: the one place that turns their bytes into text."""

from collections.abc import Iterable
from functools import lru_cache

from ccsproxy.exchange import fieldlines
from ccsproxy.exchange.fieldlines import RawHeaders
from ccsproxy.exchange.record import Pairs


def text_of(data: bytes) -> str:
    """Read the bytes of a head as text: UTF-8 where they are, else Latin-1, in which every byte is a character."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def pairs(headers: RawHeaders) -> Pairs:
    """Return header lines as text, spelled and ordered as they came."""
    try:
        return [(name.decode(), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        return [(text_of(name), text_of(value)) for name, value in headers]


def mapping(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join header lines by lower-case name: repeated fields by a comma; cookies, which hold commas, by a newline."""
    joined: dict[str, str] = {}
    for name, value in lines:
        key = name.lower()
        if key in joined:
            value = joined[key] + ("\n" if key == "set-cookie" else ", ") + value
        joined[key] = value
    return joined


@lru_cache(256)
def _key(name: str) -> bytes:
    """Return what stands before the value of a field; the names that are asked for are ours, and few."""
    return b"\n%b:" % name.encode("ascii")


class HeaderLines:
    """The header lines of one head, read once, and once more after `forget`."""

    __slots__ = ("_lines", "_lower", "_mapping", "_pairs", "_raw")

    def __init__(self, lines: bytes) -> None:
        """Take lines as they came, see `ccsproxy.exchange.fieldlines`."""
        self._lines = lines
        self._lower = b""
        self._raw: RawHeaders | None = None
        self._pairs: Pairs | None = None
        self._mapping: dict[str, str] | None = None

    @property
    def raw(self) -> RawHeaders:
        """The lines as bytes, spelled and ordered as they came."""
        if self._raw is None:
            self._raw = fieldlines.pairs(self._lines)
        return self._raw

    @property
    def pairs(self) -> Pairs:
        """The lines as text, spelled and ordered as they came."""
        if self._pairs is None:
            self._pairs = fieldlines.text_pairs(self._lines) or pairs(self.raw)
        return self._pairs

    @property
    def mapping(self) -> dict[str, str]:
        """The lines joined by name, see `mapping`."""
        if self._mapping is None:
            self._mapping = mapping(self.pairs)
        return self._mapping

    @property
    def plain(self) -> bool:
        """Whether the lines are all ASCII and no name comes twice, so that `mapping` says all that they do."""
        return self._lines.isascii() and len(self.mapping) == len(self.pairs)

    def field(self, name: str) -> str:
        """Return a field's value, its lines joined by a comma; empty when there is none.

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
        """Keep the lines only as they came, which takes a tenth of the memory."""
        self._lower = b""
        self._raw = self._pairs = self._mapping = None


def media_type(lines: HeaderLines) -> str:
    """Return the media type of a body in lower case without its parameters, empty when there is none."""
    return lines.field("content-type").partition(";")[0].partition(",")[0].strip().lower()
