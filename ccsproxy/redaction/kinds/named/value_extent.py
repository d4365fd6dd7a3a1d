"""Determines where the value next to a name ends: quoted, bare in a shell, or bare in code."""

import re

from ccsproxy.redaction.kinds.named.patterns import QUOTE, SCHEME
from ccsproxy.redaction.kinds.named.values import Style

#: How far to the left a name is searched for.
LEFT = 64
_LAST_QUOTE = re.compile(rf"(?:{QUOTE})(?=(?i:{SCHEME}|base64:)?\Z)".encode())
_BARE = re.compile(rb"[^\s\"'`<>|\x1b]+")
_CODE_ENDS = re.compile(rb"[;,&(){}\[\]]|\\+[nrtu]|%22|&quot;")
_SHELL_ENDS = re.compile(rb"\\+[nrtu]|;(?=[\s\w])|&(?=[\s&]|\w+=)|[)}\]]+$|[,;]$|%22|&quot;")
_COLOUR = re.compile(rb"(?:\x1b|\\+(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]")
_MARK = re.compile(rb"[\"'`\s]")
_ESCAPED = re.compile(rb"\\+(?:([\"'/\\])|u([0-9A-Fa-f]{4}))")
#: What precedes a name in a shell, a connection string or a URL.
_SHELL = re.compile(rb"(?:export|set|-e|env|declare -x|ENV|ARG|build-arg) +\Z|[;?&] ?\Z|(?:\A|\s)\w+=[^\s,()]+ +\Z")
#: What may precede a name at the beginning of a line: spaces, a number, a sign of a diff or list, a comment.
_LINE = re.compile(
    rb"(?:[^\n]{0,60}[:\t-]|[ \t]*[0-9]*\xe2\x86\x92|[ \t]*[0-9]{1,7} ?\|)?[ \t]*(?:[+>#*-]|//|- )?[ \t]*\Z"
    rb"|.*\\+n[ \t]*\Z"
)
#: A value and nothing else to the end of its line.
_REST = re.compile(rb"[^\s\"'`(){}\[\],;]{1,200}[ \t]{0,80}(?:[#;][^\n]{0,160})?(?:\r?\n|\Z|\\+[nr]|\"|')")
#: A value in a sentence, in a list of settings, or at the end of a quotation.
_WORD = re.compile(
    rb"[^\s\"'`(){}\[\],;\x1b]{1,200}(?:[.,;:!?)\]}]{0,8}(?:\s(?![ \t]*=[^=])|\Z|\\+[nrt\"']|[\"'`\x1b<]))"
)
#: Named arguments on a line of their own, as in code over several lines.
_ARGUMENTS = re.compile(rb"[ \t]{2,}(?:\w+=[^\s,]+, ?)+\Z")
_DECLARED = re.compile(rb"\b(?:let|const|var|val|def|fn|func|self|public|private|final|static)\b|[{<](?!\\*[\"'])")


def quote_before(between: re.Match[bytes]) -> re.Match[bytes] | None:
    """Return the quotation mark that a value is opened with."""
    return _LAST_QUOTE.search(between.group("open"))


def style_of(text: bytes, begin: int, between: re.Match[bytes]) -> Style:
    """Determine the style of a bare value: literal in a shell, settings, a header field or a sentence, else code.

    It is a literal if the name is in capitals and directly followed by ``=``, if name and value fill a line, or if
    they are in a sentence that neither calls a function nor declares anything.

    :param begin: where the name begins.
    :param between: the match between name and value.
    """
    separator = between.group("separator")
    if separator.isspace():
        return Style.LITERAL
    name = text[begin : between.start()]
    tight = not _COLOUR.sub(b"", text[between.start() : between.start("separator")] + between.group("open"))
    if separator == b"=" and tight and (name.upper() == name or _SHELL.search(text[max(begin - 40, 0) : begin])):
        return Style.LITERAL
    line = text[max(begin - 80, 0) : begin].rpartition(b"\n")[2]
    if separator in (b"=", b":") and _LINE.match(line) and _REST.match(text, between.end()):
        return Style.LITERAL
    if separator == b"|":
        return Style.LITERAL if line.lstrip(b" \t>+-0123456789\xe2\x86\x92:").startswith(b"|") else Style.CODE
    if separator in (b">", b"%3D", b"%3d", b":-", b"&#61;") or b"value" in separator.lower():
        return Style.LITERAL
    return Style.LITERAL if _is_spoken(text, line, separator, tight, between.end()) else Style.CODE


def _is_spoken(text: bytes, line: bytes, separator: bytes, tight: bool, start: int) -> bool:
    """Return whether a name and its value are in a sentence, or in a list of settings.

    :param line: the text before the name on its line.
    """
    if _is_called(line) or _WORD.match(text, start) is None:
        return False
    if separator == b"=" and tight:
        return _ARGUMENTS.match(line) is None
    colon = (separator == b":" and not tight) or separator[:1] == b"\\" or separator[0] >= 0x80
    return colon and line.strip() != b"" and _DECLARED.search(line) is None


def _is_called(line: bytes) -> bool:
    """Return whether a line contains an open function call, except within a string argument."""
    at = line.rfind(b"(")
    if at < 1 or line.rfind(b")") > at or not line[at - 1 : at].isalnum():
        return False
    return line.count(b'"', at) % 2 == 0 and line.count(b"'", at) % 2 == 0


def value_end(text: bytes, start: int, style: Style, quote: re.Match[bytes] | None, longest: int) -> int:
    """Return where a value ends.

    :param quote: its opening quotation mark.
    :param longest: the maximum length of the value.
    """
    if quote is not None:
        return end_of_quoted(text, start, quote.group(), start + longest)
    return end_of_bare(text, start, style, start + longest)


def end_of_bare(text: bytes, start: int, style: Style, last: int) -> int:
    """Return where an unquoted value ends."""
    found = _BARE.match(text, start, last)
    if found is None:
        return start
    end = start + len(found.group().rstrip(b"\\"))  # they escape the quotation mark around it
    ends = (_SHELL_ENDS if style is Style.LITERAL else _CODE_ENDS).search(text, start, end)
    end = ends.start() if ends else end
    return start + len(text[start:end].rstrip(b".,:;!?)"))


def end_of_quoted(text: bytes, start: int, quote: bytes, last: int) -> int:
    """Return where a value ends that was opened with this mark; it contains no spaces, unless it was cut off.

    A mark that is escaped n times follows 2**n - 1 backslashes; within the value, another level of escaping adds
    multiples of 2**(n + 1).
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
    before = text[max(start, end - LEFT) : end]
    return len(before) - len(before.rstrip(b"\\"))


def unescaped(value: bytes) -> bytes:
    """Return a value without the escapes of its quoting, so that it is judged and tagged as the bare value is."""
    return _ESCAPED.sub(_plain, value) if b"\\" in value else value


def _plain(escape: re.Match[bytes]) -> bytes:
    code = escape.group(2)
    return escape.group(1) if code is None else chr(int(code, 16)).encode("utf-8", "surrogatepass")
