"""Private keys that span several lines, in files and in the output of programs.

Each line may have a prefix added by a file reader, a diff or a mail program (a number and an arrow or a tab, ``+``,
``> ``); lines end with a real or an escaped line end. The BEGIN and END lines, the line ends and the prefixes are
kept, so that the number of lines does not change; a truncated block extends to its last line.
"""

import re
from collections.abc import Iterator

from ccsproxy.redaction.search.finding import FoundSecret

#: The patterns of a block's first line.
BEGINNINGS = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"
    r"|PuTTY-User-Key-File-[23]:"
)
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----")
_SSH2 = re.compile(rb"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")
_PUTTY = re.compile(rb"PuTTY-User-Key-File-[23]:")
_PRIVATE_LINES = re.compile(rb"Private-Lines: ?[0-9]{1,4}")
#: An escaped line end, at any depth of quoting, or real ones.
_BREAK = rb"(?:\\+r)?\\+n|\\+u000[aA]|%0[aA]|&#10;|[\r\n]+|\\\n"
#: A line's prefix: a file name and position, a line number, quotation marks, a diff sign, ``>``.
_PREFIX = (
    rb"(?:[ \t]|\\+t|[\w./-]{1,200}[:-][0-9]{1,7}[:-]"
    rb"|[0-9]{1,7}(?:\xe2\x86\x92|\\+u2192|:| ?\||-|\t|\\+t| {2,})|L[0-9]{1,7}:|[>|#*+,\"'(-]|//|b\\*[\"']){0,8}"
)
_NEXT_LINE = re.compile(
    rb"[ \t]*(?:\\*[\"'])?[ \t,+)\\;]*(?:"
    + _BREAK
    + rb")+"
    + _PREFIX
    + rb"| (?=[A-Za-z0-9+/=]{60}|[A-Za-z0-9+/=]{4,60} ----)"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")
#: Header fields before the key: its encryption, its generator.
_FIELD = re.compile(rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Subject|MessageID): ?[^\n\\\"]{0,200}")
#: A word of prose, with which no line of a key continues.
_PROSE = re.compile(rb" [A-Za-z]{1,20}[^A-Za-z0-9+/=]")
#: A block with fewer characters is only mentioned.
_LEAST = 32
_MOST_LINES = 4000


def find_block(text: bytes, start: int) -> list[FoundSecret] | None:
    """Return the ranges of the key that begins at a position: empty if only the BEGIN line is mentioned.

    None if no key begins there.

    The first range is the key; the others are the rest of it, line by line.
    """
    begin = _PEM.match(text, start)
    if begin is not None:
        if text.find(b"-----", begin.end(), begin.end() + _LEAST) >= 0:
            return []  # Only the BEGIN line.
        return _findings(text, list(_lines(text, begin.end())))
    if _PUTTY.match(text, start):
        begin = _PRIVATE_LINES.search(text, start, start + 8192)
        return None if begin is None else _findings(text, list(_lines(text, begin.end())))
    begin = _SSH2.match(text, start)
    return None if begin is None else _findings(text, list(_lines(text, begin.end())))


def _findings(text: bytes, lines: list[tuple[int, int]]) -> list[FoundSecret]:
    key = b"".join([text[start:end] for start, end in lines])
    if len(key) < _LEAST or len(set(key)) < 5:
        return []
    first, *others = lines
    return [
        FoundSecret(*first, "private-key", key),
        *(FoundSecret(start, end, "private-key", b"") for start, end in others),
    ]


def _lines(text: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the lines of base64, starting at the end of the block's first line."""
    for _ in range(_MOST_LINES):
        line = _BASE64.match(text, position)
        if line is not None:
            yield line.span()
            position = line.end()
        following = _NEXT_LINE.match(text, position)
        if following is None:
            return
        position = following.end()
        field = _FIELD.match(text, position)
        if field is not None:
            position = field.end()
            continue
        if not _is_line(text, position, following):
            return


def _is_line(text: bytes, position: int, following: re.Match[bytes]) -> bool:
    """Tell whether a line continues the key, or is empty."""
    line = _BASE64.match(text, position)
    if line is None:
        return _NEXT_LINE.match(text, position) is not None
    if text[line.end() : line.end() + 1] in (b"-", b":", b"(", b".", b"_"):
        return False
    return len(line.group()) >= 4 and _PROSE.match(text, line.end()) is None
