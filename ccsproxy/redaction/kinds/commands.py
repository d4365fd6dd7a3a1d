"""Secrets in the arguments of commands and functions: ``docker login -p``, ``auth(user, "...")``."""

import re

import attr

from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.named.values import is_given_value
from ccsproxy.redaction.search.finding import FoundSecret


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


def phrase(kind: str, before: str, head: str, secret: str, strength: Strength) -> Phrase:
    """Return a place.

    :param before: the expression of what stands before the secret.
    :param head: the expression of how the secret begins, as far as the engine looks.
    :param secret: the expression of all of it.
    """
    whole = re.compile(f"{before}(?:\\\\*[\"'])?(?P<secret>{secret})".encode("latin-1"))
    return Phrase(kind, before + head, whole, strength)


_WORD = r"(?:\\*[\"'])?[^\s\"'<>{\\-][^\s\"'\\]{3}"
#: Secrets of more letters are none that a person gives to a command; without a bound each place in a long word would
#: read it to its end.
_TO_BLANK = r"[^\s\"'\\]{1,200}"
_TO_QUOTE = r"[^\s\"'\\,;)]{1,200}"
_QUOTE = r"\\*[\"']"
#: A quoted text; nothing is counted in these expressions, since each count multiplies the states of the automaton.
_TEXT = rf"{_QUOTE}[^\n\"'\\]+{_QUOTE}"


def _command(before: str, secret: str = _TO_BLANK, strength: Strength = Strength.HUMAN) -> Phrase:
    return phrase("password", before, _WORD, secret, strength)


#: The places, by what stands before the secret.
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
#: A flag of one letter that some commands take a password with.
FLAGS = rf"[ \t]-[pPwa][ ]*{_WORD}"
_FLAG = re.compile(rb"[ \t](?P<flag>-[pPwa])[ ]*(?:\\*[\"'])?(?P<secret>[^\s\"'\\]{1,200})")
_LINE = 120
#: A secret that is written into the input of a command.
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
        rb"|\blogin|\b7za?)\b"
    ),
    b"-P": re.compile(rb"\b(?:un)?zip\b"),
    b"-w": re.compile(rb"ldap[a-z]+\b"),
    b"-a": re.compile(rb"redis-cli\b"),
}
#: What ends a command.
_END_OF_COMMAND = re.compile(rb"[\n|;&]")


def find_flagged(text: bytes, start: int) -> FoundSecret | None:
    """Return the password that a command takes with a flag of one letter."""
    found = _FLAG.match(text, start)
    if found is None:
        return None
    command = _END_OF_COMMAND.split(text[max(start - _LINE, 0) : start])[-1]
    if _TAKERS[found.group("flag")].search(command) is None:
        return None
    # MySQL takes only what is glued to its flag; what stands behind a blank is the name of the database.
    if text.startswith(b"-p ", start + 1) and _GLUED.search(command) is not None:
        return None
    return _password(found.group("secret"), found.span("secret"))


#: Commands whose password is glued to its flag.
_GLUED = re.compile(rb"mysql|mariadb|\b7z")


def find_echoed(text: bytes, start: int) -> FoundSecret | None:
    """Return the password that is written into the input of a command."""
    found = _ECHO.match(text, start)
    return None if found is None else _password(found.group("secret"), found.span("secret"))


def _password(secret: bytes, span: tuple[int, int]) -> FoundSecret | None:
    return FoundSecret(*span, "password", secret) if is_given_value(secret) else None
