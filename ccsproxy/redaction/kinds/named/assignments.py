"""Secrets that are recognised by the name in front of them, in any notation.

``NAME=value``, ``export NAME=value``, ``name: value``, ``"name": "value"`` at any depth of quoting,
``--flag value``, ``-H 'Name: value'``, ``<name>value</name>``, ``"name": "NAME", "value": "..."``,
``| NAME | value |``, ``setName("value")``. The text is not parsed, so that a part of it, or a truncated text, is
searched equally well. The engine finds the stem of a name followed by a possible value; this module reads the whole
name and judges the value.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache

from ccsproxy.redaction.kinds.formats import MARKED, TOKENS, token_at
from ccsproxy.redaction.kinds.named.names import Strength, is_first_key, strength
from ccsproxy.redaction.kinds.named.patterns import BETWEEN, CALLED
from ccsproxy.redaction.kinds.named.secret_contexts import is_secret_context
from ccsproxy.redaction.kinds.named.value_extent import (
    LEFT,
    end_of_quoted,
    quote_before,
    style_of,
    unescaped,
    value_end,
)
from ccsproxy.redaction.kinds.named.values import (
    SHORTEST,
    Style,
    is_loud_value,
    is_secret_in_context,
    is_secret_value,
    is_spoken_password,
)
from ccsproxy.redaction.search.engine import make_engine
from ccsproxy.redaction.search.finding import FoundSecret

#: The pattern of credentials with their scheme, in any context.
SCHEMED = r"\b[Bb](?:earer[ ]+[A-Za-z0-9._~+/-]{16}|asic[ ]+[A-Za-z0-9+/]{3,}[A-Z0-9+/=])"
_SCHEMED = re.compile(rb"([Bb]earer|[Bb]asic) +([A-Za-z0-9._~+/-]+=*)")
_NAME = re.compile(
    rb"(?:(?i:identified (?:with [\"'\\\w]{1,40} )?by|mot[ _-]de[ _-]passe|contrase\\+u00f1a"
    rb"|cl(?:\xc3\xa9|e) (?:d')?api)"
    rb"|(?:\\+u(?!ff1)[0-9a-fA-F]{4}){2,}|(?:(?!\xef\xbc[\x9a\x9d])[\w.\x80-\xff-])+)"
)
_FLAG_END = re.compile(rb"(?P<separator>[ \t]+)(?P<open>(?:\\*[\"'])?)")
_NAME_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
#: The end of an escape, or of a terminal colour, directly before a name, which looks like its first letters.
_ESCAPE_END = re.compile(
    rb"(?:\x1b|\\(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]|\\(?:[nrtbf]|u00[0-9a-fA-F]{2}|x[0-9a-fA-F]{2})"
    rb"|%[0-7][0-9a-fA-F]"
)
#: Beginnings of bare values that are not literals: a member access, a call. They decide most values in code.
_REFERENCE = re.compile(
    rb"(?:self|this|cls|props|config|settings|args|options|state|ctx|req|request|env|params?|os|process)\."
    rb"|[A-Za-z_][\w.]{0,60}\(|(?:None|True|False|null|true|false|undefined|nil)\b"
)
_BACKSLASH = 0x5C
_LINE_ENDS = re.compile(rb"\r?\n|\\+[rn]")
#: How much of a value is judged, and how much of a secret value is replaced at most.
_JUDGED = 160
_LONGEST_VALUE = 64 << 10


def find_named(text: bytes, start: int) -> tuple[list[FoundSecret], int]:
    """Return the secret value of the name whose stem begins at a position, if any, and where to continue."""
    begin = name_begins(text, start)
    name = _NAME.match(text, begin, start + 2 * LEFT)
    if name is None or name.end() <= start:
        return [], start
    spelled, level = judged_name(text[begin : name.end()])
    if level is Strength.NONE and begin and text[begin - 1] == _BACKSLASH and text[begin] in b"nrt":
        begin += 1  # the letter is that of an escape, although it is part of the match
        spelled, level = judged_name(text[begin : name.end()])
    between = BETWEEN.match(text, name.end()) or _flagged(text, begin, name.end(), level)
    if between is None:
        return _called(text, spelled, name.end(), level), start
    if _LINE_ENDS.match(text, between.end()) is not None:
        return [], start  # a list may follow; see `ccsproxy.redaction.kinds.phrases`
    if level is Strength.NONE:
        return [], start if between.group("separator").isspace() else name.end()
    if _REFERENCE.match(text, between.end()) is not None and not between.group("open").strip():
        return [], between.end()
    if is_type(text, begin) or (between.group("separator")[-1:] == b"," and not between.group("open").strip()):
        return [], between.end()
    token = token_at(text, between.end())
    if token is not None:
        return [token], token.end
    found, end = _value(text, begin, spelled, level, between)
    if found is not None:
        return [found, *_further(text, found, level)], found.end
    if b"[" in between.group("open"):
        first = FoundSecret(end, end, kind_of(spelled), b"")
        listed = list(_further(text, first, level))
        if listed:
            return listed, listed[-1].end
    return [], _behind_refused(text, between.end(), end)


@lru_cache(4096)
def judged_name(name: bytes) -> tuple[str, Strength]:
    """Return a name in a normalised spelling, and its strength; a phrase of a statement is one name."""
    spelled = _spelling(name)
    return spelled, strength(spelled)


def _spelling(name: bytes) -> str:
    plain = name[2 if name.startswith(_PROPERTY) else 0 :].strip(b".-").decode("utf-8", "replace")
    if plain[:10].lower() == "identified" or "\\u" in plain:
        return "password"
    return plain.replace(" ", "_")


#: The flag by which Java and Maven take properties.
_PROPERTY = b"-D"


def _called(text: bytes, name: str, end: int, level: Strength) -> list[FoundSecret]:
    """Return a secret argument of a function with such a name, or a secret assigned to such a field."""
    called = CALLED.match(text, end)
    if called is None or level < Strength.STRONG or name[:3].lower() in ("get", "has"):
        return []
    quote = quote_before(called)
    start = called.end()
    stop = value_end(text, start, Style.QUOTED, quote, _JUDGED)
    value = unescaped(text[start:stop])
    sets = level is Strength.HUMAN and name[:3].lower() in ("set", "pas")
    if not is_loud_value(value, level, name.encode()) and not (sets and is_spoken_password(value)):
        return []
    return [FoundSecret(start, stop, kind_of(name), value)]


#: A longer word that is not a secret is not searched for further names, only for tokens.
_LONG_WORD = 100
_TOKENS = make_engine(f"{TOKENS}|{MARKED}".encode())


def _behind_refused(text: bytes, start: int, end: int) -> int:
    """Return where to continue after a value that is not secret: in a long one, at the first token in it."""
    if end - start < _LONG_WORD:
        return start - text.startswith(b"-", start)  # a flag begins with what precedes it
    token = _TOKENS.search(text, start, end)
    return end if token is None else max(token[0] - 1, start)


#: The separator between a value and the next one of a list, or its replacement in a diff.
_NEXT = re.compile(rb"(\\*[\"'])\s*(?:,|->)\s*\1(?=[^\s])")


def _further(text: bytes, first: FoundSecret, level: Strength) -> Iterator[FoundSecret]:
    """Yield the values that follow the first one in a list, or behind an arrow."""
    last = first
    while (following := _NEXT.match(text, last.end)) is not None:
        start = following.end()
        end = end_of_quoted(text, start, following.group(1), start + _JUDGED)
        if not is_secret_value(text[start:end], level, Style.QUOTED) or text[end + 1 : end + 2] == b":":
            return
        last = FoundSecret(start, end, first.kind, text[start:end])
        yield last


def name_begins(text: bytes, start: int) -> int:
    """Return where the name begins that continues to the left of its stem, without an escape before it."""
    before = text[max(start - LEFT, 0) : start]
    length = len(before) - len(before.rstrip(_NAME_LETTERS))
    begin = start - length
    sign = text[begin - 1] if begin else 0
    if sign in b"\\%[;":
        for escape in _ESCAPE_END.finditer(text, max(begin - 16, 0), start):
            if escape.start() < begin <= escape.end():
                return escape.end()
    return begin


#: A line number at the end of the searched text.
_LINE_NUMBER = re.compile(rb"(?<![A-Za-z0-9_])[0-9]{1,9}\Z")


def is_type(text: bytes, begin: int) -> bool:
    """Return whether a name is the end of a type or an AWS resource, a group name, or part of a placeholder."""
    if text[max(begin - 10, 0) : begin].endswith((b"?P<", b"(?<", b"<redacted:")):
        return True
    # A number alone before the colons is a line number, as search tools print it; one at the end of a word is not.
    if text[max(begin - 2, 0) : begin] == b"::" and not _LINE_NUMBER.search(text, max(begin - 12, 0), begin - 2):
        return True
    return b"arn:" in text[max(begin - 100, 0) : begin]


def _flagged(text: bytes, begin: int, end: int, level: Strength) -> re.Match[bytes] | None:
    """Return the match between a flag, or a keyword of SQL, and its value."""
    between = _FLAG_END.match(text, end)
    if between is None or text[begin : begin + 1] == b"-":
        return between
    return between if level is Strength.HUMAN and between.group("open") else None


def _value(
    text: bytes, begin: int, name: str, level: Strength, between: re.Match[bytes]
) -> tuple[FoundSecret | None, int]:
    """Return the value of a name if it is secret, and the end of the part that was judged."""
    quote = quote_before(between)
    start = between.end()
    if "authorization" in name.lower() and (scheme := _ANY_SCHEME.match(text, start)):
        start = scheme.end()
    # Most bare values in code are short, and determining their style is the most expensive check.
    if quote is None and _TOO_SHORT.match(text, start) is not None:
        return None, start
    style = Style.QUOTED if quote is not None else style_of(text, begin, between)
    end = value_end(text, start, style, quote, _JUDGED)
    value = unescaped(text[start:end])
    given = level >= Strength.STRONG and style is not Style.CODE and is_secret_context(text, begin, name, between)
    given = given and is_secret_in_context(value, name.encode())
    if not given and not _is_value(value, level, style, name.encode()):
        return None, end
    if end - start >= _JUDGED - 1:
        end = value_end(text, start, style, quote, _LONGEST_VALUE)
    return FoundSecret(start, end, kind_of(name), unescaped(text[start:end])), end


#: A bare value of fewer letters than a secret has.
_TOO_SHORT = re.compile(rb"[^\s\"'`<>|\x1b]{0,%d}(?:[\s\"'`<>|\x1b]|\Z)" % (SHORTEST - 1))
#: The name of an authentication scheme before the credentials (RFC 9110, 11.4).
_ANY_SCHEME = re.compile(rb"[A-Za-z][\w-]{0,20} +(?=[^\s])")


def _is_value(value: bytes, level: Strength, style: Style, name: bytes) -> bool:
    return is_secret_value(value, level, style, name) or (name.lower().endswith(b"auth") and is_pair(value))


def kind_of(name: str) -> str:
    """Return the kind of a secret by its name; members known to version 1 have the kind ``key``."""
    if is_first_key(name):
        return "key"
    plain = name.lower()
    for sign, kind in _KINDS:
        if sign in plain:
            return kind
    return "secret"


_KINDS = (
    *(("pass", "password"), ("pwd", "password"), ("psk", "password"), ("token", "token")),
    *(("private", "private-key"), ("secret", "secret"), ("key", "api-key"), ("auth", "authorization")),
    *(("cookie", "cookie"), ("session", "session"), ("cred", "password")),
)


def is_pair(value: bytes) -> bool:
    """Return whether a value is the base64 of a user name and a password (RFC 7617)."""
    try:
        plain = b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False
    return b":" in plain and plain.isascii() and plain.decode("ascii").isprintable()


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
