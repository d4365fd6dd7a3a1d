"""Secrets in the arguments of commands and functions: ``docker login -p``, ``auth(user, "...")``."""

import re

import attr

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.named.values import is_secret_in_context
from ccsproxy.redaction.search.finding import FoundSecret


@attr.frozen
class Phrase:
    """A context in which a secret occurs.

    :ivar kind: the secret's kind.
    :ivar head: the pattern by which the engine finds it.
    :ivar whole: the pattern of the complete context; its group ``secret`` is the secret.
    :ivar strength: how strongly the context indicates a secret.
    """

    kind: str
    head: str
    whole: re.Pattern[bytes]
    strength: Strength


def phrase(kind: str, before: str, head: str, secret: str, strength: Strength) -> Phrase:
    """Return a context.

    :param before: the pattern of the text before the secret.
    :param head: the pattern of the secret's beginning, as far as the engine looks.
    :param secret: the pattern of the complete secret.
    """
    whole = re.compile(f"{before}(?:\\\\*[\"'])?(?P<secret>{secret})".encode("latin-1"))
    return Phrase(kind, before + head, whole, strength)


_WORD = r"(?:\\*[\"'])?[^\s\"'<>{\\-][^\s\"'\\]{3}"
#: Nobody types a longer password as an argument; without a bound, each position in a long word would be scanned to
#: the word's end.
_TO_BLANK = r"[^\s\"'\\]{1,200}"
_TO_QUOTE = r"[^\s\"'\\,;)]{1,200}"
_QUOTE = r"\\*[\"']"
#: Quoted text. These patterns have no counted repetitions, since each count multiplies the automaton's states.
_TEXT = rf"{_QUOTE}[^\n\"'\\]+{_QUOTE}"


def _command(before: str, secret: str = _TO_BLANK, strength: Strength = Strength.HUMAN) -> Phrase:
    return phrase("password", before, _WORD, secret, strength)


#: The contexts, by the text before the secret.
COMMANDS = (
    _command(r"[ :]pass:"),
    _command(r"/user:[^\s]+[ ]+"),
    _command(r"net[ ]user[ ]+[^\s]+[ ]+"),
    _command(r"htpasswd[ ]+-[A-Za-z]*b[A-Za-z]*[ ]+[^\s]+[ ]+[^\s]+[ ]+"),
    _command(r"[ ]-U[ ]*[^\s%]+%"),
    _command(r"rabbitmqctl[ ](?:[^\s]+[ ]+)?(?:add_user|change_password)[ ]+[^\s]+[ ]+"),
    _command(r"\bsqlplus[ ]+(?:-[A-Za-z]+[ ]+)*[\w$#]+/", r"[^\s\"'\\@]{1,200}"),
    _command(r"jdbc:oracle:(?:thin|oci):[\w$#]+/", r"[^\s\"'\\@]{1,200}"),
    _command(r"\bAUTH[ ]+", strength=Strength.CHOSEN),
    _command(r"WIFI:(?:[A-OQ-Z]:[^;:\n]*;)*P:", r"[^\s\"'\\;]{1,200}"),
    _command(r"PWD=\{", r"[^\s\"'\\}]{1,200}"),
    _command(rf"ConvertTo-SecureString[ ]+(?:-String[ ]+)?{_QUOTE}"),
    _command(
        r"(?:NetworkCredential|[bB]asic_?Auth|PasswordAuthentication|UsernamePasswordCredentials"
        rf"|auth[ ]?[=(][ ]?|\b[lL]ogin)\(?{_TEXT}[ ]?,[ ]?{_QUOTE}",
        _TO_QUOTE,
    ),
    _command(rf"getConnection\({_TEXT}[ ]?,[ ]?{_TEXT}[ ]?,[ ]?{_QUOTE}", _TO_QUOTE),
    _command(
        rf"variable[ ]+{_QUOTE}[\w-]*(?i:passw(?:or)?d|secret|token|_key){_QUOTE}[ ]*\{{[^{{}}]*default[ ]*=[ ]*"
    ),
)
#: A one-letter flag that takes a password in some commands.
FLAGS = rf"[ \t]-[pPwa][ ]*{_WORD}"
_FLAG = re.compile(rb"[ \t](?P<flag>-[pPwa])[ ]*(?:\\*[\"'])?(?P<secret>[^\s\"'\\]{1,200})")
_LINE = 120
#: A secret that is piped into a command.
ECHOED = rf"\becho[ ]+(?:-n[ ]+)?(?:{_QUOTE})?[^\s\"'|$][^\s\"'|]+(?:{_QUOTE})?[ ]*\|"
_ECHO = re.compile(
    (
        rf"\becho[ ]+(?:-n[ ]+)?(?:{_QUOTE})?(?:[\w.-]{{1,40}}:(?=[^\n]{{0,90}}chpasswd))?"
        rf"(?P<secret>[^\s\"'|$\\][^\s\"'|\\]{{4,80}})(?:{_QUOTE})?[ ]*\|"
        r"[ ]*(?:[^\n]{0,80}(?:--password-stdin|--passphrase-fd|--stdin)|sudo[ ]+-[A-Za-z]*S|(?:sudo[ ]+)?chpasswd"
        r"|kinit|cryptsetup)"
    ).encode()
)
#: The commands that take a password with a flag.
_TAKERS = {
    b"-p": re.compile(
        rb"(?:mysql(?:dump|admin|import)?|mariadb(?:-dump)?|mongo(?:sh|dump|restore|export|import|stat|top)?|sshpass"
        rb"|\blogin|\b7za?|\btwine)\b"
    ),
    b"-P": re.compile(rb"\b(?:(?:un)?zip|mosquitto_[a-z]+)\b"),
    b"-w": re.compile(rb"ldap[a-z]+\b"),
    b"-a": re.compile(rb"redis-cli\b"),
}
#: The end of a command.
_END_OF_COMMAND = re.compile(rb"[\n|;&]")


def find_flagged(text: bytes, start: int) -> FoundSecret | None:
    """Return the password given to a command with a one-letter flag."""
    found = _FLAG.match(text, start)
    if found is None:
        return None
    command = _END_OF_COMMAND.split(text[max(start - _LINE, 0) : start])[-1]
    if _TAKERS[found.group("flag")].search(command) is None:
        return None
    # MySQL accepts only a value directly after the flag; after a space it is the name of the database.
    if text.startswith(b"-p ", start + 1) and _GLUED.search(command) is not None:
        return None
    token = token_at(text, found.start("secret"))
    return token or _password(found.group("secret"), found.span("secret"))


#: Commands that require the password directly after the flag.
_GLUED = re.compile(rb"mysql|mariadb|\b7z")


def find_echoed(text: bytes, start: int) -> FoundSecret | None:
    """Return the password that is piped into a command."""
    found = _ECHO.match(text, start)
    return None if found is None else _password(found.group("secret"), found.span("secret"))


def _password(secret: bytes, span: tuple[int, int]) -> FoundSecret | None:
    return FoundSecret(*span, "password", secret) if is_secret_in_context(secret) else None
