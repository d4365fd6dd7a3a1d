"""Secrets at places where a program, file or language has them, without a name that identifies them.

Each has a pattern for the engine, and one for the whole phrase; both are bounded.
"""

import re
from collections.abc import Iterator

from ccsproxy.redaction.kinds.commands.arguments import COMMANDS, Phrase, phrase
from ccsproxy.redaction.kinds.commands.flags import FLAGS, find_flagged
from ccsproxy.redaction.kinds.commands.standard_input import INPUTS, find_input
from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.named.values import Style, is_secret_in_context, is_secret_value
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.kinds.statements import ROWS, find_rows
from ccsproxy.redaction.search.finding import FoundSecret

#: Blanks and line ends, and the number that a reader of files puts before a line.
_BLANKS = r"(?:[ \t\r\n]|\\+[nrt])+(?:[0-9]{1,7}(?:\xe2\x86\x92|\\+t|[\t:|])(?:[ \t]|\\+t)*)?"
_TAB = r"(?:\t|\\+t)"
_TO_BLANK = r"[^\s\"'\\]{1,200}"
_QUOTE = r"\\*\""
#: The name of a secret after its value.
_NAME_BEHIND = (
    rf"{_QUOTE}[ ]*,[ ]*{_QUOTE}(?:name|key){_QUOTE}[ ]*:[ ]*{_QUOTE}"
    r"[\w-]*(?i:passw(?:or)?d|secret|token|[_-]key|authorization)"
)
_ALL = (
    phrase(
        "password", rf"login{_BLANKS}[^\s]+{_BLANKS}password{_BLANKS}", r"[^\s]{3}", _TO_BLANK,
        Strength.HUMAN,
    ),
    phrase(
        "password", r":(?:543[0-9]|6432|6543|\*):[^:\s]+:[^:\s/]+:", r"[^\s:\"'/]{4}", _TO_BLANK,
        Strength.HUMAN,
    ),
    phrase(
        "cookie", rf"{_TAB}(?:TRUE|FALSE){_TAB}[0-9]+{_TAB}[A-Za-z0-9_.-]+{_TAB}", r"[^\s\\]{8}",
        r"[^\s\\\"']+", Strength.STRONG,
    ),
    phrase(
        "telegram-token", r"/bot", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30}", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}",
        Strength.WEAK,
    ),
    phrase(
        "secret", rf"\"value{_QUOTE}[ ]*:[ ]*{_QUOTE}", rf"[^\s\"\\]+{_NAME_BEHIND}",
        rf"[^\s\"\\]{{6,160}}(?={_NAME_BEHIND})", Strength.STRONG,
    ),
    phrase(
        "secret", rf"(?i:[_-]keys|passwords|tokens):{_BLANKS}[+]?[ ]*-[ ]+", r"(?:\\*[\"'])?[^\s\"'\\]{8}",
        _TO_BLANK, Strength.WEAK,
    ),
    *COMMANDS,
)  # fmt: skip
#: All of them as one pattern, whose branches are told apart by their first letters; the number of the last group is
#: that of the phrase.
_ANY = re.compile(
    b"|".join(
        b"(?:%b)(?P<f%d>)" % (each.whole.pattern.replace(b"?P<secret>", b"?:"), number)
        for number, each in enumerate(_ALL)
    )
)
#: Cookies in a header field, or in a command.
_COOKIES = (
    r"(?i:cookie2?)(?:\\*[\"'])?[ ]*[:=,][ ]*(?:\\*[\"'])?[A-Za-z0-9_.-]+=[^\s\"'\\]"
    r"|(?:-b|--cookie)[ =]+[\"']?[A-Za-z0-9_.-]+=[^\s\"']"
)
_COOKIES_BEGIN = re.compile(rb"(?:(?i:cookie2?)(?:\\*[\"'])?[ ]*[:=,][ ]*(?:\\*[\"'])?|(?:-b|--cookie)[ =]+[\"']?)")
_COOKIE = re.compile(rb"[; ]*([\w.-]+)=([^;\s\"'\\]*)")
#: The private part of a key in JSON (RFC 7517).
_JWK = r"\"d\\*\"[ ]*:[ ]*\\*\"[A-Za-z0-9_-]{40}"
_JWK_MEMBER = re.compile(rb"\"(?:d|p|q|dp|dq|qi|k)\\*\"[ ]*:[ ]*\\*\"([A-Za-z0-9_-]{20,})")
_NEAR = 4096
#: Maximum length of a cookie list that is read, because each of them could start one.
_LONGEST_COOKIES = 8192
_LONG_LIST = 200
#: Beginnings of phrases that are names with a separator as well.
BEFORE_NAMES = (
    b"cookie", b"Cookie", b"COOKIE", b"jdbc:", b"WIFI:", b"auth", b"PWD={", b'"value', b"variable",
    b"vault", b"cargo", b"htpasswd", b"proxy", b"Proxy", b"set value", b"SET value", b"SET VALUE",
)  # fmt: skip

#: The expression of all of them.
PHRASES = "|".join((*(each.head for each in _ALL), INPUTS, FLAGS, ROWS, _COOKIES, _JWK))


def find_phrase(text: bytes, start: int) -> list[FoundSecret]:
    """Return the secrets of the phrase that begins at a position."""
    if text[start : start + 2] == b'"d':
        return list(_private_members(text, start))
    which = _ANY.match(text, start)
    if which is not None and which.lastgroup is not None:
        each = _ALL[int(which.lastgroup[1:])]
        found = each.whole.match(text, start)
        return [] if found is None else list(_judged(each, found))
    if text.startswith(_ROWS, start):
        return find_rows(text, start)
    taken = find_input(text, start) if text.startswith(_INPUTS, start) else find_flagged(text, start)
    return [] if taken is None else [taken]


_INPUTS = (b"echo", b"printf", b"<<<")
#: How the engine spells the word before the rows of a statement.
_ROWS = (b"values", b"VALUES", b"Values")


def find_cookies(text: bytes, start: int) -> tuple[list[FoundSecret], int]:
    """Return the secret cookies in a list that begins at a position, and where to continue after a long list."""
    begins = _COOKIES_BEGIN.match(text, start)
    if begins is None:
        return [], start
    position, found = begins.end(), []
    last = position + _LONGEST_COOKIES
    while (cookie := _COOKIE.match(text, position, last)) is not None:
        position, value = cookie.end(), cookie.group(2)
        if len(value) >= 8 and b"redacted" not in value and is_secret_value(value, Strength.STRONG, Style.LITERAL):
            found.append(FoundSecret(*cookie.span(2), "cookie", value))
    # A list is read once: each of its cookies looks as if another list began there.
    return found, position if found or position - start > _LONG_LIST else start


def _judged(phrase: Phrase, found: re.Match[bytes]) -> Iterator[FoundSecret]:
    secret = found.group("secret")
    given = phrase.strength is Strength.HUMAN and not phrase.is_code and is_secret_in_context(secret)
    if given or is_secret_value(secret, phrase.strength, Style.LITERAL):
        yield FoundSecret(*found.span("secret"), phrase.kind, secret)


def _private_members(text: bytes, start: int) -> Iterator[FoundSecret]:
    """Yield the private members of a JSON Web Key."""
    near = text[max(start - _NEAR, 0) : start + _NEAR]
    member = _JWK_MEMBER.match(text, start)
    if member is not None and b"kty" in near and is_random(member.group(1)):
        yield FoundSecret(*member.span(1), "private-key", member.group(1))
