"""Parsing of response heads: status line, header fields, and the framing of the body, strictly by RFC 9112.

A head that two parsers could understand differently is refused. What every client accepts is accepted: a repeated
``chunked`` or an ``identity`` transfer coding, folded lines (unfolded, as RFC 9112 section 5.2 requires of a proxy),
and any number of interim responses, which are dropped. Names and values keep their spelling and order. This is our
own code rather than llhttp, which does not know about HEAD, does not tell where a message ends, and does not refuse
unknown transfer codings; the measurements are in ``docs/adr/0003-http-parser.md``.
"""

import re

from ccsproxy.exchange.fieldlines import RawHeaders
from ccsproxy.proxy.errors import UpstreamProtocolError
from ccsproxy.wire.headers import HOP_BY_HOP, Finder, Line, connection, end_to_end

#: Maximum size of a response head in bytes.
HEAD_LIMIT = 64 * 1024
#: The longest Keep-Alive timeout that is believed, in seconds.
_KEEP_MOST = 86400.0

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (.*))?", re.DOTALL)
_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([\x01-\x09\x0b\x0c\x0e-\xff]*+))?\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\x01-\x09\x0b\x0c\x0e-\xff]*+\r\n)*+)"
)
#: Finds the fields that frame a response or are hop-by-hop.
_find_control_lines = Finder(HOP_BY_HOP | {b"content-length"})
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?![\n]|\Z)|\0")
_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_START = b"HTTP/1."
_FOLD = re.compile(rb"\r\n[ \t]+")
#: A fold where there is no field to continue, or in a field on which two parsers must agree.
_FOLD_IN_FRAMING = re.compile(
    rb"\A[^\n]*\n[ \t]|\n(?:content-length|transfer-encoding|connection|upgrade)[ \t]*:[^\n]*\n[ \t]", re.IGNORECASE
)
_KEEP_ALIVE_TIME = re.compile(rb"(?:\A|,)[ \t]*timeout[ \t]*=[ \t]*\"?([0-9]{1,9})\"?[ \t]*(?:,|\Z)")


class ParsedResponseHead:
    """A parsed response head.

    :ivar code: the status, 100 to 999: those from 600 are in use, such as 999 of sites that refuse programs.
    :ivar phrase: the reason phrase, may be empty.
    :ivar version: ``1.0`` or ``1.1``.
    :ivar lines: every header line as received, as bytes.
    :ivar forward: the lines to forward to the client.
    :ivar length: the value of ``Content-Length``, None without it.
    :ivar chunked: whether the body is chunked.
    :ivar persistent: whether the connection may carry another request afterwards.
    :ivar keep_for: how many seconds the upstream keeps it for that, None if it does not say.
    """

    __slots__ = ("chunked", "code", "forward", "keep_for", "length", "lines", "persistent", "phrase", "version")

    def __init__(self, code: int, phrase: bytes, version: str, lines: bytes) -> None:
        self.code = code
        self.phrase = phrase
        self.version = version
        self.lines = self.forward = lines
        self.length: int | None = None
        self.chunked = False
        self.persistent = version == "1.1"
        self.keep_for: float | None = None


class HeadReader:
    """Finds the final response head in the data read, and drops interim responses before it.

    :ivar interims: how many interim responses have arrived.
    :ivar continues: how many of them were 100.
    :ivar may_switch: 101 counts as final, because an upgrade was requested.
    """

    __slots__ = ("_buffer", "continues", "interims", "may_switch")

    def __init__(self) -> None:
        self._buffer: bytearray | None = None
        self.interims = self.continues = 0
        self.may_switch = False

    @property
    def partial(self) -> bool:
        """Whether part of a head has arrived, but not the rest."""
        return self._buffer is not None

    def feed(self, data: bytes) -> tuple[ParsedResponseHead, bytes] | None:
        """Take the data of one read.

        :return: the final head and the bytes that follow it, None until it is complete.
        :raises UpstreamProtocolError: if it cannot become a valid one.
        """
        start = 0
        if self._buffer is not None:
            # The empty line may be split by a read: up to three bytes of it may be in the buffer.
            start = max(0, len(self._buffer) - 3)
            self._buffer += data
            if self._buffer.find(b"\r\n\r\n", start) < 0:
                check_beginning(self._buffer)
                return None
            data, self._buffer = bytes(self._buffer), None
        while data:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                check_beginning(data)
                self._buffer = bytearray(data)
                return None
            if end > HEAD_LIMIT:
                raise UpstreamProtocolError("The upstream's response head is longer than 64 KiB.")
            head = parse_head(data[: end + 2])
            data = data[end + 4 :]
            if head.code >= 200 or (head.code == 101 and self.may_switch):
                return head, data
            self._skip_interim(head)
            start = 0
        return None

    def _skip_interim(self, head: ParsedResponseHead) -> None:
        if head.code == 101:
            raise UpstreamProtocolError("The upstream switched protocols without being asked to.")
        self.interims += 1
        self.continues += head.code == 100


def parse_head(block: bytes) -> ParsedResponseHead:
    """Parse a head.

    :param block: everything before the empty line.
    :raises UpstreamProtocolError: if the head is invalid or ambiguous.
    """
    match = _HEAD.fullmatch(block)
    if match is None:
        match = _HEAD.fullmatch(_unfolded(block))
    if match is None:
        raise _error_for(block.split(b"\r\n")[:-1])
    minor, code, phrase, lines = match.groups()
    head = ParsedResponseHead(int(code), phrase or b"", "1.1" if minor == b"1" else "1.0", lines)
    found = _find_control_lines(lines)
    if found:
        _read_framing(head, found)
        head.forward = end_to_end(lines, found)
    return head


def _unfolded(block: bytes) -> bytes:
    """Replace the folds in a head's lines by a space (RFC 9112 section 5.2).

    :raises UpstreamProtocolError: if a fold could change where the message ends.
    """
    if _FOLD_IN_FRAMING.search(block):
        raise UpstreamProtocolError("The upstream folded a header line that frames its response.")
    return _FOLD.sub(b" ", block)


def _error_for(lines: list[bytes]) -> UpstreamProtocolError:
    """Return the error for a head that does not match."""
    bare = b"".join(lines)
    if b"\n" in bare or b"\r" in bare or b"\0" in bare:
        return UpstreamProtocolError("The upstream's response head contains a bare CR, LF or NUL.")
    if not _STATUS_LINE.fullmatch(lines[0]):
        return UpstreamProtocolError("The upstream's status line is not HTTP/1.1 with a status of 100 to 999.")
    try:
        _fields(lines[1:])
    except UpstreamProtocolError as error:
        return error
    return UpstreamProtocolError("The upstream's response head is malformed.")


def check_beginning(partial: bytes | bytearray) -> None:
    """Refuse a head that cannot become a valid one, instead of waiting for its end.

    :param partial: what has arrived of it.
    """
    if len(partial) > HEAD_LIMIT:
        raise UpstreamProtocolError("The upstream's response head is longer than 64 KiB.")
    start = bytes(partial[: len(_START)])
    if not _START.startswith(start):
        # A TLS alert or handshake: the most common mistake in an upstream's URL gets its own message.
        if start[:2] in (b"\x15\x03", b"\x16\x03"):
            raise UpstreamProtocolError("The upstream uses TLS on that port; write https:// in place of http://.")
        raise UpstreamProtocolError("The upstream does not answer in HTTP/1.1.")
    if _BARE_LINE_END.search(partial):
        raise UpstreamProtocolError("The upstream's response head contains a bare CR, LF or NUL.")


def parse_fields(block: bytes) -> RawHeaders:
    """Parse a block of field lines, such as trailers.

    :param block: the lines, without the CRLF of the last one.
    :raises UpstreamProtocolError: if one of them is not a valid field line.
    """
    lines = block.split(b"\r\n")
    bare = b"".join(lines)
    if b"\n" in bare or b"\r" in bare or b"\0" in bare:
        raise UpstreamProtocolError("The upstream's trailer contains a bare CR, LF or NUL.")
    return _fields(lines)


def _fields(lines: list[bytes]) -> RawHeaders:
    parts = [line.partition(b":") for line in lines]
    names = [name for name, _, _ in parts]
    # A folded line starts with a space, which is not a token; a line without a colon shows as an empty separator.
    if b"".join(names).translate(None, _TOKEN):
        raise UpstreamProtocolError("The upstream sent a header name with an invalid byte, or a folded line.")
    if b"" in names or len(b"".join([colon for _, colon, _ in parts])) != len(parts):
        raise UpstreamProtocolError("The upstream sent a header line without a name.")
    return [(name, value.strip(b" \t")) for name, _, value in parts]


def _read_framing(head: ParsedResponseHead, found: list[Line]) -> None:
    """Parse the lines that frame the message or tell whether the connection persists."""
    lengths = [value for name, value, _, _ in found if name == b"content-length"]
    codings = [value.lower() for name, value, _, _ in found if name == b"transfer-encoding"]
    if lengths:
        head.length = _content_length(lengths)
        if codings:
            raise UpstreamProtocolError("The upstream sent both Content-Length and Transfer-Encoding.")
    elif codings:
        head.chunked = _is_chunked(codings)
    options = [connection(value).options for name, value, _, _ in found if name == b"connection"]
    if options:
        said = frozenset[bytes]().union(*options)
        head.persistent = b"close" not in said and (head.persistent or b"keep-alive" in said)
    for name, value, _, _ in found:
        if name == b"keep-alive" and (hint := _KEEP_ALIVE_TIME.search(value)):
            head.keep_for = min(float(hint[1]), _KEEP_MOST)
    if codings and head.version == "1.0":
        # Every client accepts it. The server behind may frame differently, so nothing more is read from this
        # connection.
        head.persistent = False


def _content_length(values: list[bytes]) -> int:
    if len(values) != 1:
        raise UpstreamProtocolError("The upstream sent Content-Length more than once.")
    # Leading zeros are digits like any other to every client; how many of them says nothing.
    value = values[0].lstrip(b"0") if values[0].isdigit() else b""
    if not values[0].isdigit() or len(value) > 18:
        raise UpstreamProtocolError("The upstream's Content-Length is not a number.")
    return int(value or b"0")


def _is_chunked(values: list[bytes]) -> bool:
    """Tell whether the transfer codings mean a chunked body, or none at all."""
    # Repeated, it still means once: nobody has ever chunked chunks. `identity` was a coding until RFC 7230 removed
    # it.
    codings = {member for value in values for member in value.split(b",")}
    codings = {member.strip(b" \t") for member in codings} - {b"identity"}
    if codings not in ({b"chunked"}, set()):
        raise UpstreamProtocolError("The upstream used a transfer coding other than chunked.")
    return bool(codings)
