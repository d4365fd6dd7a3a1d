"""Secrets that some commands take with a flag that other commands use for something else: ``mysql -pWORD``."""

import re

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.values import is_secret_in_context
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.search.engine import PatternEngine, make_engine
from ccsproxy.redaction.search.finding import FoundSecret

#: The pattern of a flag and its value, in a command or in a list of arguments.
FLAGS = (
    r"[ \t\"']-(?:[pPwaNbk]|pw|hp|-(?:body|value))[\\\"', =]*"
    r"[^\s\"'<>{\\=,-][^\s\"'\\]{3}"
)
_FLAG = re.compile(
    rb"[ \t\"'](?P<flag>-(?:pw|hp|[pPwaNbk]|-(?:body|value)))(?P<between>[\\\"', =]*)(?P<secret>[^\s\"'\\]{1,200})"
)
_LINE = 120
#: The commands that take a password with a flag.
_TAKERS = {
    b"-p": make_engine(
        rb"(?:mysql(?:dump|admin|import)?|mariadb(?:-dump)?|mongo(?:sh|dump|restore|export|import|stat|top)?|sshpass"
        rb"|\blogin|\b7za?|\btwine|\bcqlsh|\bsnowsql|\brdesktop|\bncftp(?:put|get)|poetry publish|\buseradd)\b"
    ),
    b"-P": make_engine(rb"\b(?:(?:un)?zip|mosquitto_[a-z]+|sqlcmd|bcp)\b"),
    b"-w": make_engine(rb"ldap[a-z]+\b"),
    b"-a": make_engine(rb"redis-cli\b|[ \"']-A[\"', ]+bearer\b"),
    b"-N": make_engine(rb"\bssh-keygen\b"),
    b"-k": make_engine(rb"\bopenssl[\"', ]+enc\b|\bnuget[\"', ]+push\b"),
    b"-b": make_engine(rb"\bsecret[\"', ]+set\b"),
    b"-pw": make_engine(rb"\b(?:plink|pscp|psftp)\b"),
    b"-hp": make_engine(rb"\brar\b"),
    b"--body": make_engine(rb"\bsecret[\"', ]+set\b"),
    b"--value": make_engine(
        rb"\bsecret[\"', ]+set\b|\bsecret:create\b|put-parameter[^\n]*(?i:secure|password|secret)"
    ),
}
#: Commands that take secrets and other values with a flag: what looks random is one.
_MAY_TAKE = {
    b"--body": make_engine(rb"\bvariable[\"', ]+set\b"),
    b"--value": make_engine(rb"\bput-parameter\b|\benv:create\b"),
}
#: The end of a command.
_END_OF_COMMAND = re.compile(rb"[\n|;&\])]")
_APART = re.compile(rb"[ ,]")
#: Commands that require the password directly after the flag.
_GLUED = re.compile(rb"mysql|mariadb|\b7z|\brar\b")


def _is_in(engine: PatternEngine, command: bytes) -> bool:
    return engine.search(command, 0, len(command)) is not None


def find_flagged(text: bytes, start: int) -> FoundSecret | None:
    """Return the secret given to a command with a flag."""
    found = _FLAG.match(text, start)
    if found is None:
        return None
    flag, command = found.group("flag"), _END_OF_COMMAND.split(text[max(start - _LINE, 0) : start])[-1]
    sure = _is_in(_TAKERS[flag], command)
    if not sure and (flag not in _MAY_TAKE or not _is_in(_MAY_TAKE[flag], command)):
        return None
    # MySQL accepts only a value directly after the flag; after a space it is the name of the database.
    if flag == b"-p" and _APART.search(found.group("between")) is not None and _GLUED.search(command) is not None:
        return None
    secret = found.group("secret")
    token = token_at(text, found.start("secret"))
    if token is not None or not (is_secret_in_context(secret) if sure else is_random(secret)):
        return token
    return FoundSecret(*found.span("secret"), "password", secret)
