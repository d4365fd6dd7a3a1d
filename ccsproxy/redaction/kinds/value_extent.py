"""Where the value ends that a name is given, and how it is written there."""

import re

from ccsproxy.redaction.kinds.values import Style

#: How far back is looked for what stands before a mark.
_LEFT = 64
_BARE = re.compile(rb"[^\s\"'`<>|\x1b]+")
_CODE_ENDS = re.compile(rb"[;,&(){}\[\]]|\\+[nrtu]|%22|&quot;")
_SHELL_ENDS = re.compile(rb"\\+[nrtu]|;(?=[\s\w])|&(?=[\s&\w])|\)+\Z|[,;]\Z")
_MARK = re.compile(rb"[\"'`\s]")


def value_end(text: bytes, start: int, style: Style, quote: re.Match[bytes] | None, longest: int) -> int:
    """Return where a value ends that begins at a place.

    :param quote: the mark that opens it, None for a bare value.
    :param longest: how many bytes of it are looked at.
    """
    if quote is not None:
        return end_of_quoted(text, start, quote.group(), start + longest)
    return _end_of_bare(text, start, style, start + longest)


def style_of(text: bytes, begin: int, between: re.Match[bytes]) -> Style:
    """Tell what a bare value is: a text where a shell, a file of settings or a header field has it, else code.

    The name is all capitals and the value follows its ``=`` at once, or name and value fill a line.
    """
    separator = between.group("separator")
    if separator.isspace():
        return Style.LITERAL
    name = text[begin : between.start()]
    tight = between.end() - between.start() == len(separator)
    if separator == b"=" and tight and (name.upper() == name or _SHELL.search(text[max(begin - 40, 0) : begin])):
        return Style.LITERAL
    if separator in (b"=", b":") and _LINE.match(text[max(begin - 80, 0) : begin].rpartition(b"\n")[2]):
        return Style.LITERAL if _REST.match(text, between.end()) else Style.CODE
    return Style.LITERAL if separator in (b"|", b">", b"%3D", b"%3d") or b"value" in separator.lower() else Style.CODE


#: What stands before a name in a shell, a connection string or an address.
_SHELL = re.compile(rb"(?:export|set|-e|env|declare -x|ENV|ARG|build-arg) +\Z|[;?&] ?\Z|(?:\A|\s)\w+=[^\s,()]+ +\Z")
#: What may stand before a name that begins a line: blanks, a number, a sign of a diff or list, a comment.
_LINE = re.compile(rb"(?:[^\n]{0,60}[:\t-]|[0-9]*\xe2\x86\x92)?[ \t]*(?:[+>#*-]|//|- )?[ \t]*\Z|.*\\+n[ \t]*\Z")
#: A value and nothing else to the end of its line.
_REST = re.compile(rb"[^\s\"'`(){}\[\],;]+[ \t]*(?:[#;][^\n]*)?(?:\r?\n|\Z|\\+[nr]|\"|')")


def _end_of_bare(text: bytes, start: int, style: Style, last: int) -> int:
    found = _BARE.match(text, start, last)
    if found is None:
        return start
    ends = (_SHELL_ENDS if style is Style.LITERAL else _CODE_ENDS).search(text, start, found.end())
    end = ends.start() if ends else found.end()
    return start + len(text[start:end].rstrip(b".,:;!?)"))


def end_of_quoted(text: bytes, start: int, quote: bytes, last: int) -> int:
    """Return where a value ends that was opened with this mark: there is no blank in it, unless it was cut.

    A mark that is escaped n times stands behind 2**n - 1 reversed solidi; within the value, a further level of
    escaping adds multiples of 2**(n + 1).
    """
    if quote[-1:] not in b"\"'`":
        end = text.find(quote, start, last)
        return end if end >= 0 else start
    escapes = len(quote) - 1
    for mark in _MARK.finditer(text, start, last):
        at = mark.start()
        if mark.group().isspace():
            return at if mark.group() in b"\r\n" else at + 1
        if text[at] == quote[-1] and _escapes_before(text, start, at) % (2 * (escapes + 1)) == escapes:
            return at - escapes
    return min(len(text), last)


def _escapes_before(text: bytes, start: int, end: int) -> int:
    before = text[max(start, end - _LEFT) : end]
    return len(before) - len(before.rstrip(b"\\"))
