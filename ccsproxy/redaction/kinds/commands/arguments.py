"""Secrets in the arguments of commands and functions: ``docker login -p``, ``auth(user, "...")``."""

import re

import attr

from ccsproxy.redaction.kinds.named.names import Strength


@attr.frozen
class Phrase:
    """A context in which a secret occurs.

    :ivar kind: the secret's kind.
    :ivar head: the pattern by which the engine finds it.
    :ivar whole: the pattern of the complete context; its group ``secret`` is the secret.
    :ivar strength: how strongly the context indicates a secret.
    :ivar is_code: whether it is a call in source code, whose tests have ordinary words for passwords.
    """

    kind: str
    head: str
    whole: re.Pattern[bytes]
    strength: Strength
    is_code: bool = False


def phrase(kind: str, before: str, head: str, secret: str, strength: Strength, is_code: bool = False) -> Phrase:
    """Return a context.

    :param before: the pattern of the text before the secret.
    :param head: the pattern of the secret's beginning, as far as the engine looks.
    :param secret: the pattern of the complete secret.
    """
    whole = re.compile(f"{before}(?:\\\\*[\"'])?(?P<secret>{secret})".encode("latin-1"))
    return Phrase(kind, before + head, whole, strength, is_code)


_WORD = r"(?:\\*[\"'])?[^\s\"'<>{\\-][^\s\"'\\]{3}"
#: Nobody types a longer password as an argument; without a bound, each position in a long word would be scanned to
#: the word's end.
_TO_BLANK = r"[^\s\"'\\]{1,200}"
_TO_QUOTE = r"[^\s\"'\\,;)]{1,200}"
_QUOTE = r"\\*[\"']"
#: What separates the words of a command, or of a list of arguments.
_GAP = r"[\\\"', ]+"
#: Quoted text. These patterns have no counted repetitions, since each count multiplies the automaton's states.
_TEXT = rf"{_QUOTE}[^\n\"'\\]+{_QUOTE}"


def _command(before: str, secret: str = _TO_BLANK, strength: Strength = Strength.HUMAN) -> Phrase:
    return phrase("password", before, _WORD, secret, strength)


def _call(before: str) -> Phrase:
    return phrase("password", before, _WORD, _TO_QUOTE, Strength.HUMAN, is_code=True)


#: The contexts, by the text before the secret.
COMMANDS = (
    _command(r"[ :]pass:"),
    _command(r"/user:[^\s]+[ ]+"),
    _command(r"net[ ]user[ ]+[^\s]+[ ]+"),
    _command(rf"htpasswd{_GAP}-[A-Za-z]*b[A-Za-z]*{_GAP}[^\s\"',]+{_GAP}(?:[^\s\"',-][^\s\"',]*{_GAP})?"),
    _command(r"wpa_passphrase[ ]+[^\s]+[ ]+"),
    _command(r"\blftp[ ]+-u[ ]+[^\s,]+,"),
    _command(r"net[ ]use[ ]+[^\s]+[ ]+[^\s]+[ ]+", strength=Strength.CHOSEN),
    _command(r"[ ]/u:[^\s]+[ ]+/p:"),
    _command(r"SETUSER[ ]+[^\s]+[ ]+on[ ]+>"),
    _command(r"[pP]roxy[ ]*=[ ]*[\w.-]+:", r"[^\s\"'\\@/]{1,200}(?=@)"),
    _command(r"\bsend[ ]+(?:--[ ]+)?", r"[^\s\"'\\$]{1,200}(?=\\+r)", Strength.CHOSEN),
    _command(rf"vault{_GAP}(?:login|operator{_GAP}unseal){_GAP}", strength=Strength.WEAK),
    _command(rf"\bcargo{_GAP}login{_GAP}", strength=Strength.WEAK),
    _command(r"\b(?:npm|yarn)[ ](?:config[ ])?set[ ][^\s]*_(?:auth|password)[ =]", strength=Strength.WEAK),
    _command(r"\bpoetry[ ]config[ ](?:--\w+[ ])*(?:pypi-token\.[^\s]+|http-basic\.[^\s]+[ ]+[^\s]+)[ ]+"),
    _command(
        r"\bbundle[ ]config[ ](?:set[ ])?(?:--\w+[ ])*[\w.-]+(?:\.|__)[\w.-]+[ ]+(?:[\w.-]+:)?",
        strength=Strength.WEAK,
    ),
    _command(r"[ ]-U[ ]*[^\s%]+%"),
    _command(r"rabbitmqctl[ ](?:[^\s]+[ ]+)?(?:add_user|change_password)[ ]+[^\s]+[ ]+"),
    _command(r"\b(?:sqlplus|impdp|expdp|sqlldr)[ ]+(?:-[A-Za-z]+[ ]+)*[\w$#]+/", r"[^\s\"'\\@]{1,200}"),
    _command(r"jdbc:oracle:(?:thin|oci):[\w$#]+/", r"[^\s\"'\\@]{1,200}"),
    phrase("url-token", r"(?:://[^\s/\"'<>]+|^)/t/", r"[A-Za-z0-9-]{8}", r"[A-Za-z0-9-]{16,200}(?=/)", Strength.WEAK),
    _command(r"\bAUTH[ ]+", strength=Strength.CHOSEN),
    _command(r"WIFI:(?:[A-OQ-Z]:[^;:\n]*;)*P:", r"[^\s\"'\\;]{1,200}"),
    _command(r"PWD=\{", r"[^\s\"'\\}]{1,200}"),
    _command(rf"ConvertTo-SecureString[ ]+(?:-String[ ]+)?{_QUOTE}"),
    _call(
        r"(?:NetworkCredential|[bB]asic_?Auth|PasswordAuthentication|UsernamePasswordCredentials"
        rf"|auth[ ]?[=(][ ]?|\b[lL]ogin)\(?{_TEXT}[ ]?,[ ]?{_QUOTE}"
    ),
    _call(rf"(?:getConnection|create_superuser|create_user)\({_TEXT}[ ]?,[ ]?{_TEXT}[ ]?,[ ]?{_QUOTE}"),
    _call(rf"(?:new[ ]PDO|new[ ]mysqli|mysqli_connect)\([^,\n]+,[ ]?{_TEXT}[ ]?,[ ]?{_QUOTE}"),
    _command(
        r"(?i:set[ ]value)[ ]*=[ ]*'",
        r"[^\s\"'\\]{6,200}(?='[ ]+(?i:where)[^\n]{1,40}(?i:password|secret|token|key)')",
    ),
    _command(
        rf"variable[ ]+{_QUOTE}[\w-]*(?i:passw(?:or)?d|pw|secret|token|_key){_QUOTE}[ ]*\{{[^{{}}]*default[ ]*=[ ]*"
    ),
)
