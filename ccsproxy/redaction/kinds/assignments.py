"""Secrets that are known by the name before them, however name and value are written.

``NAME=value``, ``export NAME=value``, ``name: value``, ``"name": "value"`` at any depth of quoting,
``--flag value``, ``-H 'Name: value'``, ``<name>value</name>``, ``"name": "NAME", "value": "..."``,
``| NAME | value |``. The text is not parsed, so that a piece of it, or one that was cut off, is searched just as
well. The engine finds a stem of a name that is followed by something like a value; here the name is read whole, and
the value judged.
"""

import re
from base64 import b64decode
from collections.abc import Iterator

from ccsproxy.redaction.kinds.formats import MARKED, TOKENS, token_at
from ccsproxy.redaction.kinds.names import TRAILING, Strength, is_first_key, strength
from ccsproxy.redaction.kinds.values import Style, is_secret_value
from ccsproxy.redaction.search.engine import make_engine
from ccsproxy.redaction.search.finding import FoundSecret

#: The ends of names that hold secrets, short ones too.
_STEMS = (
    r"passw(?:or)?[dt]|passphrase|passcode|kennwort|senha|contrase(?:\xc3\xb1|n)a|pwd|[a-z_]pass|_pw"
    r"|\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c|\xe5\xaf\x86\xe7\xa0\x81|\xe5\x8f\xa3\xe4\xbb\xa4"
    r"|\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89|\xeb\xb9\x84\xeb\xb0\x80\xeb\xb2\x88\xed\x98\xb8"
    r"|secret|[a-z_-]token|credential|creds|authorization|connection_?str(?:ing)?|jwt|_pat\b|bearer|mnemonic|totp"
    r"|[a-z][_.-]?key"
)
#: The ends of names that hold secrets where the value is long.
_WEAK_STEMS = r"key|token|auth|cookie|_dsn|secret_?id|key_?id"
#: What may follow the end of a name: its number, where it is used, how it is written.
_TRAIL = rf"s?(?:[_.-]?(?:[0-9]{{1,2}}|base|{'|'.join(sorted(TRAILING - set('123')))}))*"
_QUOTE = r"\\{0,63}[\"'`]|%22|\\+u0022|&quot;|&#34;"
_COLOUR = r"\x1b\[[0-9;]*[mK]"
_SEPARATOR = r":=|==?=?>?|!=|->|::?|\||>|%3[dD]|\\+u003[dD]|=3[dD]|&#61;|\\="
#: The value stands under the name ``value`` of its own.
#: What may stand before a line; bounded, since Python's engine tries it at every letter.
_LINE_BEGINS = r"(?:[+>-]|[\w./-]{1,80}[:-][0-9]{1,7}[:-]|[0-9]{1,7}(?:\xe2\x86\x92|\t|:))?"
_SIBLING = rf"(?:[,;\s]|\\+[nrt])*{_LINE_BEGINS}(?:\s|\\+[nrt])*(?:" + _QUOTE + r")?value(?:" + _QUOTE + r")?\s*[:=]"
_SCHEME = r"(?:bearer|basic|token|apikey|negotiate|digest|splunk|ssws|geniekey|bot)[ \t]+"
_OPEN = rf"(?:{_QUOTE}|{_COLOUR}|[ \t(\[]|\$'|[rbuf]{{1,2}}\"|{_SCHEME}|base64:)*"
_LEAST = r"[^\s\"'`\\<>(){}\[\],;$][^\s\"'`<>(){}\[\],;]{5}"
_QUOTED = rf"\\*[\"'`] *(?:{_SCHEME})?(?:\\+u[0-9a-fA-F]{{4}}|[^\s\"'`\\<({{\[$])[^\s\"'`]{{5}}"
_LONG = r"[^\s\"'`<>(){}\[\],;$&]{16}"
_CLOSE = rf"(?:{_QUOTE}|{_COLOUR}|[ \t\])*]|</?b>)*"
#: The expression of a name with a separator and what may be a value, in a text's view.
_PLAIN_QUOTE, _PLAIN_SEPARATOR = r"\\*[\"'`]", r":=|==?=?>?|!=|->|::?|\||>"
_PLAIN_CLOSE = rf"(?:{_PLAIN_QUOTE}|[ \t\])*\\]|</?b>)*"
_LINE_BEGINS_ANY = r"(?:[+>-]|[\w./-]+[:-][0-9]+[:-]|[0-9]+(?:\xe2\x86\x92|\t|:))?"
_PLAIN_SIBLING = (
    rf"(?:[,;\s]|\\+[nrt])*{_LINE_BEGINS_ANY}(?:\s|\\+[nrt])*(?:{_PLAIN_QUOTE})?value(?:{_PLAIN_QUOTE})?\s*[:=]"
)
_PLAIN_OPEN = rf"(?:{_PLAIN_QUOTE}|[ \t(\[]|\$'|[rbuf]{{1,2}}\"|{_SCHEME}|base64:)*"
_PLAIN_BETWEEN = rf"{_PLAIN_CLOSE}(?:{_PLAIN_SIBLING}|{_PLAIN_SEPARATOR}){_PLAIN_OPEN}"
NAMED = (
    rf"(?i:(?:{_STEMS}){_TRAIL}(?:{_PLAIN_BETWEEN}|{_PLAIN_QUOTE}[ ]*,[ ]*))(?:{_LEAST}|{_QUOTED})"
    rf"|(?i:authorization){_PLAIN_CLOSE}[:=]{_PLAIN_OPEN}[A-Za-z][\w-]{{0,20}}[ ]+{_LEAST}"
    rf"|(?i:(?:{_WEAK_STEMS}){_TRAIL}(?:{_PLAIN_BETWEEN}|{_PLAIN_QUOTE}[ ]*,[ ]*{_PLAIN_QUOTE})){_LONG}"
)
#: The expression of a flag, or of a statement, whose value follows behind a blank.
FLAGGED = (
    r"(?:^|[\s\"'=,\[+:>\x92])--?[\w-]*"
    r"(?i:pass(?:word|phrase|wd)?|token|secret|key|auth|creds?|bearer)[\w-]*[ \t]+[\"']?"
    r"[^\s\"'`<>(){}\[\],;$|&-][^\s\"'`]{5}|(?i:password|identified[ ]by|storepass|keypass)[ ]+'[^\s'$]{5}"
)
#: The expression of credentials with their scheme, wherever they stand.
SCHEMED = r"\b[Bb](?:earer[ ]+[A-Za-z0-9._~+/-]{16}|asic[ ]+[A-Za-z0-9+/]{3,}[A-Z0-9+/=])"
_SCHEMED = re.compile(rb"([Bb]earer|[Bb]asic) +([A-Za-z0-9._~+/-]+=*)")
_NAME = re.compile(rb"(?:(?i:identified by)|[\w.\x80-\xff-]+)")
_FLAG_END = re.compile(rb"(?P<separator>[ \t]+)(?P<open>[\"']?)")
_BETWEEN = re.compile(
    rf"(?i:{_CLOSE}(?P<separator>{_SIBLING}|{_SEPARATOR}|(?<=[\"'`]) *,)(?P<open>{_OPEN}))".encode()
)
_LAST_QUOTE = re.compile(rf"(?:{_QUOTE})(?=(?i:{_SCHEME}|base64:)?\Z)".encode())
_LEFT = 64
_NAME_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_BARE = re.compile(rb"[^\s\"'`<>|\x1b]+")
_CODE_ENDS = re.compile(rb"[;,&(){}\[\]]|\\+[nrtu]|%22|&quot;")
_SHELL_ENDS = re.compile(rb"\\+[nrtu]|;(?=[\s\w])|&(?=[\s&\w])|\)+\Z|[,;]\Z")
#: So much of a value is judged, and so much of one that is secret is taken out.
_JUDGED = 160
_LONGEST_VALUE = 64 << 10
_MARK = re.compile(rb"[\"'`\s]")


def find_named(text: bytes, start: int) -> tuple[list[FoundSecret], int]:
    """Return the value of the name whose stem begins at a place, where it is secret, and where to go on."""
    begin = _name_begins(text, start)
    name = _NAME.match(text, begin, start + 2 * _LEFT)
    if name is None or name.end() <= start:
        return [], start
    spelled = text[begin : name.end()].strip(b".-").decode("utf-8", "replace")
    level = Strength.HUMAN if spelled[:10].lower() == "identified" else strength(spelled)
    between = _BETWEEN.match(text, name.end()) or _flagged(text, begin, name.end(), level)
    if between is None or (level is Strength.NONE and between.group("separator").isspace()):
        return [], start
    if level is Strength.NONE:
        return [], name.end()
    if _is_type(text, begin) or (between.group("separator")[-1:] == b"," and not between.group("open").strip()):
        return [], between.end()
    token = token_at(text, between.end())
    if token is not None:
        return [token], token.end
    found, end = _value(text, begin, spelled, level, between)
    if found is not None:
        return [found, *_further(text, found, level)], found.end
    return [], _behind_refused(text, between.end(), end)


#: A word of so many letters that is no secret is not searched for further names, but for tokens.
_LONG_WORD = 100
_TOKENS = make_engine(f"{TOKENS}|{MARKED}".encode())


def _behind_refused(text: bytes, start: int, end: int) -> int:
    """Return where to go on behind a value that is no secret: at the first token in it, if it is long behind it."""
    if end - start < _LONG_WORD:
        return start
    token = _TOKENS.search(text, start, end)
    return end if token is None else max(token[0] - 1, start)


#: What stands between a value and the next one of a list, or the one that takes its place.
_NEXT = re.compile(rb"(\\*[\"'])\s*(?:,|->)\s*\1(?=[^\s])")


def _further(text: bytes, first: FoundSecret, level: Strength) -> Iterator[FoundSecret]:
    """Yield the values that follow the first one in a list, or behind an arrow."""
    last = first
    while (following := _NEXT.match(text, last.end)) is not None:
        start = following.end()
        end = _end_of_quoted(text, start, following.group(1), start + _JUDGED)
        if not is_secret_value(text[start:end], level, Style.QUOTED) or text[end + 1 : end + 2] == b":":
            return
        last = FoundSecret(start, end, first.kind, text[start:end])
        yield last


def _name_begins(text: bytes, start: int) -> int:
    """Return where the name begins that goes on to the left of its stem; an escaped line end is none of it."""
    before = text[max(start - _LEFT, 0) : start]
    length = len(before) - len(before.rstrip(_NAME_LETTERS))
    begin = start - length
    if length and begin and text[begin - 1] == 0x5C and text[begin] in b"nrtbf":
        begin += 1
    return begin


def _is_type(text: bytes, begin: int) -> bool:
    """Tell whether a name is the end of a type or of a resource of AWS, or names a group of an expression."""
    if text[max(begin - 3, 0) : begin].endswith((b"?P<", b"(?<")):
        return True
    return text[max(begin - 2, 0) : begin] == b"::" or b"arn:" in text[max(begin - 100, 0) : begin]


def _flagged(text: bytes, begin: int, end: int, level: Strength) -> re.Match[bytes] | None:
    """Return what stands between a flag, or a word of SQL, and its value."""
    between = _FLAG_END.match(text, end)
    if between is None or text[begin : begin + 1] == b"-":
        return between
    return between if level is Strength.HUMAN and between.group("open") else None


def _value(
    text: bytes, begin: int, name: str, level: Strength, between: re.Match[bytes]
) -> tuple[FoundSecret | None, int]:
    """Return the value of a name where it is secret, and where it ends as far as it was judged."""
    quote = _LAST_QUOTE.search(between.group("open"))
    start = between.end()
    if "authorization" in name.lower() and (scheme := _ANY_SCHEME.match(text, start)):
        start = scheme.end()
    style = Style.QUOTED if quote is not None else _style(text, begin, between)
    end = _end(text, start, style, quote, _JUDGED)
    if not _is_value(unescaped(text[start:end]), level, style, name.encode()):
        return None, end
    if end - start >= _JUDGED - 1:
        end = _end(text, start, style, quote, _LONGEST_VALUE)
    return FoundSecret(start, end, kind_of(name), unescaped(text[start:end])), end


#: The name of a way to authenticate, which stands before the credentials (RFC 9110, 11.4).
_ANY_SCHEME = re.compile(rb"[A-Za-z][\w-]{0,20} +(?=[^\s])")


def _end(text: bytes, start: int, style: Style, quote: re.Match[bytes] | None, longest: int) -> int:
    if quote is not None:
        return _end_of_quoted(text, start, quote.group(), start + longest)
    return _end_of_bare(text, start, style, start + longest)


def unescaped(value: bytes) -> bytes:
    """Return a value without the escapes of its quoting, so that it is judged and tagged as the bare value is."""
    return _ESCAPED.sub(_plain, value) if b"\\" in value else value


def _plain(escape: re.Match[bytes]) -> bytes:
    code = escape.group(2)
    return escape.group(1) if code is None else chr(int(code, 16)).encode("utf-8", "surrogatepass")


_ESCAPED = re.compile(rb"\\+(?:([\"'/\\])|u([0-9A-Fa-f]{4}))")


def _is_value(value: bytes, level: Strength, style: Style, name: bytes) -> bool:
    return is_secret_value(value, level, style, name) or (name.lower().endswith(b"auth") and is_pair(value))


def kind_of(name: str) -> str:
    """Return the kind of what is secret by its name; members that version 1 knew are of the kind ``key``."""
    if is_first_key(name):
        return "key"
    plain = name.lower()
    for sign, kind in _KINDS:
        if sign in plain:
            return kind
    return "secret"


_KINDS = (
    *(
        ("pass", "password"),
        ("pwd", "password"),
        ("token", "token"),
        ("private", "private-key"),
        ("secret", "secret"),
    ),
    *(
        ("key", "api-key"),
        ("auth", "authorization"),
        ("cookie", "cookie"),
        ("session", "session"),
        ("cred", "password"),
    ),
)


def is_pair(value: bytes) -> bool:
    """Tell whether a value is the base64 of a user and a password (RFC 7617)."""
    try:
        plain = b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False
    return b":" in plain and plain.isascii() and plain.decode("ascii").isprintable()


def _style(text: bytes, begin: int, between: re.Match[bytes]) -> Style:
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


def _end_of_quoted(text: bytes, start: int, quote: bytes, last: int) -> int:
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


def find_schemed(text: bytes, start: int) -> FoundSecret | None:
    """Return the credentials behind ``Bearer`` or ``Basic``."""
    found = _SCHEMED.match(text, start)
    if found is None:
        return None
    scheme, value = found.groups()
    if scheme.lower() == b"basic":
        secret = is_pair(value)
    else:
        secret = len(value) >= 16 and is_secret_value(value, Strength.STRONG, Style.LITERAL)
    return FoundSecret(*found.span(2), "authorization", value) if secret else None
