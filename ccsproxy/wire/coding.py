"""Content codings, decoded incrementally: gzip, deflate, br, zstd, and combinations of them (RFC 9110, 8.4).

The bytes are trusted more than the header. Of truncated or damaged bodies, what is readable is returned; output is
limited, so that a small body cannot fill the memory. Every anomaly is named in ``faults``.
"""

import re
from collections.abc import Callable
from typing import Protocol

import attr

from ccsproxy.wire import inflate

#: Faults, as named in a record's ``capture.faults``.
TRUNCATED = "content_truncated"
DAMAGED = "content_damaged"
TOO_LARGE = "content_too_large"
MISLABELLED = "content_mislabelled"
UNKNOWN = "content_coding_unknown"

#: Values found in ``Content-Encoding`` that do not change any bytes.
_NO_CODINGS = frozenset(["identity", "none", "null", "utf-8", "utf8", "us-ascii", "iso-8859-1", "binary", "chunked"])
#: The maximum number of stacked codings; no server applies more.
_MOST_STAGES = 4
#: How many bytes are needed to determine the coding.
_HEAD = 6
#: No compressed body begins like this, except for one in billions.
_TEXT = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*(?:\{\s*"|data:|event:|\[\s*\]\s*\Z)')
#: Probably text, unless it can be decoded.
_MAYBE_TEXT = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*(?:[\[{]\s*["\[{\]}]|id:|: |<)')


class _Stage(Protocol):
    """One coding being removed; see `ccsproxy.wire.inflate`."""

    def feed(self, data: bytes, room: int) -> bytes: ...

    @property
    def finished(self) -> bool: ...


_STAGES: dict[str, Callable[[], _Stage]] = {
    "gzip": inflate.Gzip,
    "deflate": inflate.Deflate,
    "br": inflate.Brotli,
    "zstd": inflate.Zstd,
}


def magic(head: bytes) -> str | None:
    """Return the coding announced by the magic number in a body's first four bytes, None if there is none."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        return "zstd"  # a skippable frame, RFC 8878, 3.1.2
    return None


def _may_be(name: str, head: bytes) -> bool:
    """Whether a body without a complete magic number may have the coding its header states."""
    if name == "gzip":
        return b"\x1f\x8b\x08".startswith(head)
    if name == "zstd":
        return b"\x28\xb5\x2f\xfd".startswith(head)
    return bool(name) and not _TEXT.match(head)


def codings(header: str) -> list[str]:
    """List the codings of a ``Content-Encoding`` value in the order in which they were applied, without identity.

    Some servers confuse the field with others: parameters, quotes and character sets are ignored.
    """
    if not header:  # as nearly all are
        return []
    names = (name.partition(";")[0].strip().strip('"').lower().removeprefix("x-") for name in header.split(","))
    return [name for name in names if name and name not in _NO_CODINGS]


def is_known(header: str) -> bool:
    """Tell whether a body with this ``Content-Encoding`` can be decoded."""
    names = codings(header)
    return len(names) <= _MOST_STAGES and all(name in _STAGES for name in names)


@attr.frozen
class Decoded:
    """A complete body after decoding.

    :ivar data: what could be decoded.
    :ivar faults: the anomalies found.
    """

    data: bytes
    faults: tuple[str, ...]


def decode(data: bytes, header: str, limit: int, textual: bool = False) -> Decoded:
    """Remove the codings of a complete body; see `Decoder` for the parameters."""
    decoder = Decoder(header, limit, textual)
    text = decoder.feed(data) + decoder.finish()
    return Decoded(text, tuple(decoder.faults))


class Decoder:
    """Removes the content codings of one body.

    :ivar faults: names of anomalies, in the order in which they were found.
    :ivar readable: the output is the content; False for an unknown coding, where it is the bytes as sent.
    """

    def __init__(self, header: str, limit: int, textual: bool = False) -> None:
        """Start decoding a body.

        :param header: the value of ``Content-Encoding``, empty if there is none.
        :param limit: maximum number of output bytes.
        :param textual: the content type is text, so a magic number indicates a coding that the header does not
        mention.
        """
        names = codings(header)
        self.faults: list[str] = []
        self.readable = is_known(header)
        if not self.readable:
            self.faults.append(UNKNOWN)
            names = []
        sniff = textual and self.readable
        # The coding applied last is removed first (RFC 9110, 8.4).
        self._links = [_Link(name, limit, self.faults) for name in reversed(names)]
        if not names:
            self._links.append(_Link("" if sniff else "identity", limit, self.faults))

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body; return the content decoded from them."""
        for link in self._links:
            data = link.feed(data)
        return data

    def finish(self) -> bytes:
        """Take the end of the body; return the content that was still buffered."""
        data = b""
        for link in self._links:
            data = link.feed(data) + link.finish()
        return data


class _Link:
    """One coding of a body, which may turn out to differ from the announced one."""

    __slots__ = ("_buffer", "_faults", "_name", "_plain", "_produced", "_room", "_stage", "_stopped")

    def __init__(self, name: str, limit: int, faults: list[str]) -> None:
        self._name = name
        self._room = limit
        self._faults = faults
        self._stage: _Stage | None = None
        self._plain = name == "identity"
        self._buffer = b""
        self._stopped = False
        self._produced = False

    def feed(self, data: bytes) -> bytes:
        if self._stopped:
            return b""
        if self._plain:
            return self._bounded(data)
        if self._produced:
            return self._decoded(data)
        self._buffer += data
        if self._stage is None:
            # Magic numbers have up to four bytes, and text needs a few more to be recognised.
            if len(self._buffer) < _HEAD:
                return b""
            return self._detect()
        return self._probe(data)

    def finish(self) -> bytes:
        out = b""
        if self._buffer and self._stage is None and not self._plain:
            out = self._detect()
        if self._stage is None or self._stopped or self._stage.finished:
            return out
        if not self._produced and _MAYBE_TEXT.match(self._buffer):
            return out + self._treat_as_plain()
        self._note(TRUNCATED)
        return out

    def _detect(self) -> bytes:
        """Determine the coding from the first bytes, or from the header if they tell nothing."""
        name = magic(self._buffer) or (self._name if _may_be(self._name, self._buffer) else "")
        if not name:
            return self._treat_as_plain()
        # Proxies that decode but keep the header, and those that encode without adding one, are both common.
        if name != self._name:
            self._note(MISLABELLED)
        self._stage = _STAGES[name]()
        return self._probe(self._buffer)

    def _probe(self, data: bytes) -> bytes:
        """Decode while there has been no output yet: a body that fails now may not be encoded at all."""
        assert self._stage is not None  # noqa: S101
        try:
            out = self._stage.feed(data, self._room)
        except inflate.CodingError as error:
            # Usually an error page sent with the headers of the response that it replaces.
            if not error.output and _MAYBE_TEXT.match(self._buffer):
                return self._treat_as_plain()
            return self._damaged(error)
        if out or len(self._buffer) > 65536:
            self._produced = True
            self._buffer = b""
        return self._bounded(out)

    def _treat_as_plain(self) -> bytes:
        self._plain = True
        self._stage = None
        if self._name:
            self._note(MISLABELLED)
        held, self._buffer = self._buffer, b""
        return self._bounded(held)

    def _decoded(self, data: bytes) -> bytes:
        assert self._stage is not None  # noqa: S101
        try:
            return self._bounded(self._stage.feed(data, self._room))
        except inflate.CodingError as error:
            return self._damaged(error)

    def _damaged(self, error: inflate.CodingError) -> bytes:
        self._note(DAMAGED)
        # Output before the damage is valid: codings verify what they decompress.
        out = self._bounded(error.output)
        self._stopped = True
        return out

    def _bounded(self, out: bytes) -> bytes:
        if len(out) > self._room:
            self._note(TOO_LARGE)
            self._stopped = True
            out = out[: self._room]
        self._room -= len(out)
        return out

    def _note(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults.append(fault)
