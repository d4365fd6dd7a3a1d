"""Secrets in URLs: a password or token before the host, and parameters with secret names.

Also the same form in arguments of commands: ``curl -u USER:PASSWORD``.
"""

import re
from urllib.parse import unquote_to_bytes

from ccsproxy.redaction.kinds.named.names import Strength, strength
from ccsproxy.redaction.kinds.named.values import Style, is_secret_value
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.search.finding import FoundSecret

#: The pattern of user information before a host, up to the longest that is examined.
USERS = r"://[^\s/?#@\"'<>\\`:]*:[^\s\"'<>`@]+@|://[^\s/?#@\"'<>\\`:]{12}[^\s/?#@\"'<>\\`:]*@"
#: The pattern of a parameter that is secret only within a URL.
PARAMETERS = (
    r"[?&](?i:amp;)?(?i:sig|signature|key|code|token|auth|jwt|assertion|samlresponse|x-amz-signature|x-goog-signature"
    r"|x-amz-credential|x-amz-security-token|code_verifier|device_code)=[^\s&\"'<>\\]{8}"
)
_PARAMETER = re.compile(rb"[?&](?i:amp;)?([\w-]{2,24})=([^\s&\"'<>\\#`]+)")
_SURE_PARAMETERS = frozenset({b"sig", b"signature", b"x-amz-signature", b"x-goog-signature", b"x-amz-security-token"})
#: The pattern of a command's user and password.
PAIRS = (
    r"(?:[ \t\"']-[A-Za-z]{0,6}[uUa]|--(?:proxy-)?user|--auth)(?:[ =\t]|[\"'],[ ]?)?[\"']?"
    r"[^\s:\"'$/=-][^\s:\"'/]*:(?:[^\s\"'$][^\s\"']{2}|[\s\"'])"
)
_PAIR = re.compile(rb"[ \t\"']?--?[\w-]+(?:[ =\t]|[\"'],[ ]?)?[\"']?([^\s:\"'$/=-][^\s:\"'/]*):([^\s\"'`|;\\]*)")
_COMMANDS = re.compile(rb"curl|wget|http|docker|ftp|openssl|ldap|smb|redis")
#: Not passwords: templates, and placeholders in documentation.
_OPEN = re.compile(rb"[$%]?[{(<\[]|&lt;|[0-9]{2,5}[,/?#:]|\$[A-Za-z_]|%[A-Z]|\*+\Z|x{3,}\Z|\.{3}|[0-9]{1,5}\Z")
_SAMPLES = frozenset(
    b"password passwd pass pwd secret token user username pw your-password yourpassword postgres root guest admin "
    b"example mypassword changeme test key host port 8080 3000".split()
)
#: Hosts of documentation and tests (RFC 2606); an ordinary word as their password is none.
_EXAMPLE = re.compile(rb"(?:[\w-]+\.)*(?:example(?:\.[a-z]{1,3})?|localhost|127\.0\.0\.1|invalid|test)\b")
#: Passwords beside a key that is given as the user name.
_NO_PASSWORDS = frozenset({b"", b"x-oauth-basic", b"x", b"X", b"api_token", b"none"})
#: Shorter passwords occur only in examples.
_SHORTEST = 4
_LONGEST_ADDRESS = 300
#: Not in a password that somebody typed: control characters and spaces, which occur in tests of URL parsers.
_UNTYPED = re.compile(rb"[\x00-\x20]")
_QUERY = re.compile(rb"[?;]")
_INFO = re.compile(rb"[^\s/?\"'<>\\`]*")
_HOST = re.compile(rb"[A-Za-z0-9][\w.-]*(?:[:/?\s\"'`;,)]|\Z|\\)")
_SAMPLE = re.compile(rb"(?i:some|my|your|the|user|db)?[-_]?(?i:pass(?:word|wd)?|pw|secret|pwd)[0-9]{0,3}")
_TOKEN = re.compile(rb"[A-Za-z0-9_~.%-]+\Z")


def find_user(text: bytes, start: int, end: int) -> FoundSecret | None:
    """Return the credentials in a URL between ``://`` and the host, None if there is only a user name."""
    begin = text.rindex(b"://", start, end) + 3
    info = text[begin : end - 1]
    user, colon, password = info.partition(b":")
    last = text.rfind(b"@", end, min(len(text), end + 60))
    if colon and last > 0 and _INFO.fullmatch(text, end, last) and _HOST.match(text, last + 1, last + 80):
        end, password = last + 1, text[begin + len(user) + 1 : last]
    if not colon:
        return _lone(text, begin, end)
    if password in _NO_PASSWORDS and is_random(user) and _TOKEN.match(user):
        return FoundSecret(begin, begin + len(user), "url-token", user)
    if not password or _is_open(password):
        return None
    if password.replace(b"/", b"").isalpha() and password.islower() and _EXAMPLE.match(text, end) is not None:
        return None
    if len(password) < _SHORTEST or b"redacted" in password or _spans_addresses(password):
        return None
    return FoundSecret(begin + len(user) + 1, end - 1, "url-password", password)


def behind_address(text: bytes, start: int, end: int) -> int:
    """Return where to continue after a match without a password: at the URL's parameters if it is short."""
    query = _QUERY.search(text, start, end) if end - start < _LONGEST_ADDRESS else None
    return end if query is None else query.start()


def _spans_addresses(password: bytes) -> bool:
    """Tell whether the text before an ``@`` is the end of a URL followed by other text."""
    return b"://" in password or b"](" in password or b"," in password[:1]


def _is_open(word: bytes) -> bool:
    if b"%" in word and _UNTYPED.search(unquote_to_bytes(word)) is not None:
        return True
    return _OPEN.match(word) is not None or word.lower() in _SAMPLES or _SAMPLE.fullmatch(word) is not None


def _lone(text: bytes, begin: int, end: int) -> FoundSecret | None:
    """Return a token that precedes a host without a user name."""
    token = text[begin : end - 1]
    return FoundSecret(begin, end - 1, "url-token", token) if is_random(token) and _TOKEN.match(token) else None


def find_parameter(text: bytes, start: int) -> FoundSecret | None:
    """Return the value of a parameter that is secret within a URL."""
    found = _PARAMETER.match(text, start)
    if found is None:
        return None
    name, value = found.group(1).lower(), found.group(2).rstrip(b".,;)]")
    level = Strength.STRONG if name in _SURE_PARAMETERS else max(strength(name.decode()), Strength.WEAK)
    if not is_secret_value(value, level, Style.LITERAL, name):
        return None
    return FoundSecret(found.start(2), found.start(2) + len(value), "url-parameter", value)


def find_pair(text: bytes, start: int) -> FoundSecret | None:
    """Return the password of a ``USER:PASSWORD`` argument."""
    found = _PAIR.match(text, start)
    if found is None:
        return None
    user, password = found.groups()
    # Some services take a key as the user, and nothing or a fixed word as the password.
    if password in _NO_PASSWORDS and is_random(user):
        return FoundSecret(*found.span(1), "user", user)
    if not password:
        return None
    line = text[max(start - 160, 0) : start].rpartition(b"\n")[2]
    if _is_open(password) or (user.isdigit() and password.isdigit()) or _COMMANDS.search(line) is None:
        return None
    return None if b"redacted" in password else FoundSecret(*found.span(2), "password", password)
