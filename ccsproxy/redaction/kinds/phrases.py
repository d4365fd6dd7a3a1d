"""Secrets that stand where a program, a file or a language puts them, under no name that says so.

Each has an expression for the engine, and one that reads the whole of it; both are bounded.
"""

import re
from collections.abc import Iterator

import attr

from ccsproxy.redaction.kinds.names import Strength
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.kinds.values import Style, is_secret_value
from ccsproxy.redaction.search.finding import FoundSecret

_BLANKS = r"(?:[ \t\r\n]|\\+[nrt])+"
_TAB = r"(?:\t|\\+t)"
_WORD = r"[\"']?[^\s\"'$<>{-][^\s\"'\\]{3}"


@attr.frozen
class Phrase:
    """A place where a secret stands.

    :ivar kind: what it is.
    :ivar head: the expression by which it is found.
    :ivar whole: the expression of all of it; its group ``secret`` is the secret.
    :ivar strength: how much the place says about what stands there.
    """

    kind: str
    head: str
    whole: re.Pattern[bytes]
    strength: Strength


def _phrase(kind: str, before: str, head: str, secret: str, strength: Strength) -> Phrase:
    return Phrase(kind, before + head, re.compile(f"{before}[\"']?(?P<secret>{secret})".encode()), strength)


_TO_BLANK = r"[^\s\"'\\]+"
_ALL = (
    _phrase(
        "password", rf"login{_BLANKS}[^\s]{{1,64}}{_BLANKS}password{_BLANKS}", r"[^\s]{3}", _TO_BLANK,
        Strength.HUMAN,
    ),
    _phrase(
        "password", r":(?:543[0-9]|6432|6543|\*):[^:\s]{1,63}:[^:\s/]{1,63}:", r"[^\s:\"'/]{4}", r"[^\s\"'\\]+",
        Strength.HUMAN,
    ),
    _phrase(
        "cookie", rf"{_TAB}(?:TRUE|FALSE){_TAB}[0-9]{{1,12}}{_TAB}[A-Za-z0-9_.-]{{1,64}}{_TAB}", r"[^\s\\]{8}",
        r"[^\s\\\"']+", Strength.STRONG,
    ),
    _phrase(
        "password", r"(?:mysql(?:dump|admin)?|mariadb)[ ][^\n]{0,60}-p", r"[^\s\"'=$<-]{4}", _TO_BLANK,
        Strength.HUMAN,
    ),
    _phrase("password", r"sshpass[ ]+-p[ ]*", _WORD, _TO_BLANK, Strength.HUMAN),
    _phrase("password", r"redis-cli[ ][^\n]{0,60}-a[ ]+", _WORD, _TO_BLANK, Strength.HUMAN),
    _phrase("password", r"docker[ ]login[ ][^\n]{0,80}-p[ ]+", _WORD, _TO_BLANK, Strength.HUMAN),
    _phrase("password", r"[ :]pass:", r"[^\s\"'$<]{6}", _TO_BLANK, Strength.HUMAN),
    _phrase("password", r"/user:[^\s]{1,64}[ ]+", _WORD, _TO_BLANK, Strength.HUMAN),
    _phrase(
        "telegram-token", r"/bot", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30}", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}",
        Strength.WEAK,
    ),
)  # fmt: skip
#: Cookies in a header field, or in a command.
_COOKIES = (
    r"(?i:cookie2?)(?:\\{0,15}[\"'])?[ ]*[:=,][ ]*(?:\\{0,15}[\"'])?[A-Za-z0-9_.-]{1,64}=[^\s;\"'\\]{8}"
    r"|(?:-b|--cookie)[ =]+[\"']?[A-Za-z0-9_.-]{1,64}=[^\s;\"']{8}"
)
_COOKIES_BEGIN = re.compile(rb"(?:(?i:cookie2?)(?:\\*[\"'])?[ ]*[:=,][ ]*(?:\\*[\"'])?|(?:-b|--cookie)[ =]+[\"']?)")
_COOKIE = re.compile(rb"[; ]*([\w.-]+)=([^;\s\"'\\]*)")
#: The private part of a key in JSON (RFC 7517).
_JWK = r"\"d\\{0,15}\"[ ]*:[ ]*\\{0,15}\"[A-Za-z0-9_-]{40}"
_JWK_MEMBER = re.compile(rb"\"(?:d|p|q|dp|dq|qi|k)\\*\"[ ]*:[ ]*\\*\"([A-Za-z0-9_-]{20,})")
_NEAR = 4096

#: The expression of all of them.
PHRASES = "|".join((*(each.head for each in _ALL), _COOKIES, _JWK))


def find_phrase(text: bytes, start: int) -> list[FoundSecret]:
    """Return the secrets of the phrase that begins at a place."""
    if text[start : start + 2] == b'"d':
        return list(_private_members(text, start))
    cookies = _COOKIES_BEGIN.match(text, start)
    if cookies is not None:
        return list(_cookies(text, cookies.end()))
    for each in _ALL:
        found = each.whole.match(text, start)
        if found is not None:
            return list(_judged(each, found))
    return []


def _judged(phrase: Phrase, found: re.Match[bytes]) -> Iterator[FoundSecret]:
    secret = found.group("secret")
    if is_secret_value(secret, phrase.strength, Style.LITERAL):
        yield FoundSecret(*found.span("secret"), phrase.kind, secret)


def _cookies(text: bytes, position: int) -> Iterator[FoundSecret]:
    """Yield the values of cookies that may be credentials; attributes and settings are none."""
    while (found := _COOKIE.match(text, position)) is not None:
        position = found.end()
        value = found.group(2)
        if len(value) >= 8 and b"redacted" not in value and is_secret_value(value, Strength.STRONG, Style.LITERAL):
            yield FoundSecret(*found.span(2), "cookie", value)


def _private_members(text: bytes, start: int) -> Iterator[FoundSecret]:
    """Yield the private members of a JSON Web Key."""
    near = text[max(start - _NEAR, 0) : start + _NEAR]
    member = _JWK_MEMBER.match(text, start)
    if member is not None and b"kty" in near and is_random(member.group(1)):
        yield FoundSecret(*member.span(1), "private-key", member.group(1))
