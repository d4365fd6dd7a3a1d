"""Header lines as records hold them: the one place that turns their bytes into text."""

from collections.abc import Iterable

from ccsproxy.exchange.record import Pairs
from ccsproxy.exchange.relayed import RawHeaders


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


class HeaderLines:
    """The header lines of one head, read once.

    :ivar raw: as they came; empty where only their text is known.
    :ivar pairs: as text, spelled and ordered as they came.
    :ivar mapping: joined by name, see `mapping`.
    """

    __slots__ = ("mapping", "pairs", "raw")

    def __init__(self, lines: Pairs, raw: RawHeaders | None = None) -> None:
        """Take lines of text."""
        self.raw = raw or []
        self.pairs = lines
        self.mapping = mapping(lines)

    def field(self, name: str) -> str:
        """Return a field's value, its lines joined by a comma; empty when there is none.

        :param name: in lower case; not that of a cookie.
        """
        return self.mapping.get(name, "")


def read_headers(headers: RawHeaders) -> HeaderLines:
    """Read header lines as they came."""
    return HeaderLines(pairs(headers), headers)
