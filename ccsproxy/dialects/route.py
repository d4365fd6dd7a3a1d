"""The kind of call that a request target implies."""

from functools import lru_cache
from urllib.parse import parse_qsl, unquote

import msgspec

from ccsproxy.exchange.outcome import Category


class Path(msgspec.Struct, frozen=True):
    """A request target, split and decoded.

    :ivar method: the method as text.
    :ivar segments: the path's segments, percent-decoded, empty ones left out.
    :ivar query: the query's parameters; of repeated names the first.
    """

    method: str
    segments: tuple[str, ...]
    query: dict[str, str]

    def ends(self, *names: str) -> bool:
        """Whether the path ends with these segments."""
        return self.segments[-len(names) :] == names

    def after(self, name: str, further: int = 1) -> str | None:
        """Return the segment after ``name`` if it is at that distance from the end; None otherwise.

        :param further: 1 for the last segment.
        """
        at = len(self.segments) - further - 1
        return self.segments[at + 1] if at >= 0 and self.segments[at] == name else None

    @property
    def last(self) -> str:
        """The last segment, empty for the root."""
        return self.segments[-1] if self.segments else ""


class Routed(msgspec.Struct, frozen=True):
    """The category implied by a route, and the model if the path names it."""

    category: Category
    model: str | None = None


def split_target(method: bytes, target: bytes) -> Path:
    """Split a request target; any bytes are taken."""
    return _split(method, target) if len(target) > _LONG else _remembered(method, target)


#: Longer targets are not remembered.
_LONG = 1024


@lru_cache(256)
def _remembered(method: bytes, target: bytes) -> Path:
    """Split a target, cached: agents use few targets, and each call splits its target three times."""
    return _split(method, target)


def _split(method: bytes, target: bytes) -> Path:
    path, _, query = target.decode("latin-1").partition("?")
    segments = tuple(unquote(part) for part in path.split("/") if part)
    pairs = parse_qsl(query, keep_blank_values=True)
    return Path(method.decode("latin-1").upper(), segments, dict(reversed(pairs)))
