"""Secrets that a command reads from its standard input: ``echo KEY | gh secret set NAME``, ``passwd <<< WORD``."""

import re

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.values import is_secret_in_context
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.search.finding import FoundSecret

_QUOTE = r"\\*[\"']"
#: A format of ``printf``, which precedes what it prints.
_FORMAT = r"(?:[\"']?%[sb](?:\\+n)?[\"']?[ ]+)?"
_PRINTED = rf"\b(?:echo|printf)[ ]+(?:-[neE]+[ ]+|--[ ]+)?{_FORMAT}(?:{_QUOTE})?"
#: The patterns of both, for the engine.
INPUTS = (
    rf"{_PRINTED}[^\s\"'|$][^\s\"'|]+(?:{_QUOTE})?[ ]*\|"
    rf"|<<<[ ]*(?:{_QUOTE})?[^\s\"'$<\\(-][^\s\"'$<\\]{{4}}"
)
#: A user name before a password, as ``chpasswd`` takes them.
_USER = r"(?:[\w.-]{1,40}:(?=[^\n]{0,90}chpasswd))?"
_PIPED = re.compile(
    rf"{_PRINTED}{_USER}(?P<secret>[^\s\"'|$\\][^\s\"'|\\]{{4,200}})(?:\\+n)?(?:{_QUOTE})?[ ]*\|"
    r"(?P<command>[^\n]{0,160})".encode()
)
_HERE = re.compile(rf"<<<[ ]*(?:{_QUOTE})?".encode())
_USER_BEFORE = re.compile(rb"[\w.-]{1,40}:")
_WORD = re.compile(rb"[^\s\"'$<>|;&\\]{5,200}")
#: How much of the line before a here-string is examined; less than `ccsproxy.redaction.search.verdicts.WINDOW`.
_BEFORE, _BEHIND = 160, 100
_LINE_END = re.compile(rb"\n|\\n")
#: Commands whose input is a password, whatever it looks like.
_TAKES_PASSWORD = re.compile(
    rb"--(?:password|passphrase)-(?:stdin|fd)|--stdin\b|sudo[ ]+-[A-Za-z]*S|\b(?:ch)?passwd\b|vncpasswd|kinit"
    rb"|cryptsetup|\bsecrets?[ :](?:put|set|create|add|versions)\b|keyvault[ ]secret|\bpass[ ]insert"
)
#: Commands whose input is a secret if it looks random.
_TAKES_KEY = re.compile(
    rb"(?i:secret|\blogin\b|token|passw|api-?key|\bvault\b|credential|\benv[ :](?:add|set)\b|\bauth\b)"
)
_CHPASSWD = re.compile(rb"\bchpasswd\b")


def find_input(text: bytes, start: int) -> FoundSecret | None:
    """Return the secret in the input of a command, which begins with ``echo``, ``printf`` or ``<<<``."""
    if text.startswith(b"<<<", start):
        return _in_here_string(text, start)
    found = _PIPED.match(text, start)
    return None if found is None else _taken(text, *found.span("secret"), found.group("command"))


def _in_here_string(text: bytes, start: int) -> FoundSecret | None:
    here = _HERE.match(text, start)
    assert here is not None  # noqa: S101 - the caller has seen the sign
    before, begin = _LINE_END.split(text[max(start - _BEFORE, 0) : start])[-1], here.end()
    user = _USER_BEFORE.match(text, begin) if _CHPASSWD.search(before) else None
    word = _WORD.match(text, user.end() if user else begin)
    if word is None:
        return None
    behind = _LINE_END.split(text[word.end() : word.end() + _BEHIND])[0]
    return _taken(text, *word.span(), before + b" " + behind)


def _taken(text: bytes, start: int, end: int, command: bytes) -> FoundSecret | None:
    """Return a word as a secret, if the command that reads it takes one."""
    token = token_at(text, start)
    if token is not None:
        return token
    secret = text[start:end]
    sure = _TAKES_PASSWORD.search(command) is not None and is_secret_in_context(secret)
    if not sure and not (is_random(secret) and _TAKES_KEY.search(command) is not None):
        return None
    return FoundSecret(start, end, "password", secret)
