"""Decides whether the value next to a secret name is a secret, or a placeholder, reference, type, path or word.

The name indicates a secret; in code, schemas, translations and tests the value mostly is something else.
"""

import re
from enum import Enum

from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.randomness import (
    is_chosen,
    is_hex,
    is_named_by_number,
    is_random,
    is_series,
    is_slug,
    is_unspeakable,
    is_uuid,
    looks_drawn,
)
from ccsproxy.redaction.search.engine import make_engine


class Style(Enum):
    """The notation of a value, which determines what is possible there."""

    #: In quotation marks, or as the member of an object.
    QUOTED = "quoted"
    #: Unquoted, in a context where a bare word is a text: a shell, an environment file, YAML, a header field.
    LITERAL = "literal"
    #: Unquoted, in a context where a bare word may be an identifier: source code.
    CODE = "code"


#: Shorter values are words of any text.
SHORTEST = 6
_SHORTEST_STRONG = 8
_SHORTEST_NUMBER = 8
#: A word without a separator after its name is a secret only if it is longer than most names.
_SHORTEST_LOUD = 12
#: Lengths of the hashes of commits and contents.
_HASHES = frozenset({40, 64})
#: Complete values that are placeholders, ignoring case.
_DUMMIES = frozenset(
    b"none null true false undefined nil nan void changeme change_me change-me todo fixme tbd secret password token "
    b"string str int bool boolean number object any unknown required optional hidden masked redacted default empty "
    b"not-needed lm-studio dummy-key anything placeholder anthropic hunter2hunter2".split()
)
#: Parts of a value that mark it as an example.
_SAYING = make_engine(
    rb"(?i:change[-_]?me|example|sample|dummy|placeholder|redact|insert[-_]|replace|your[-_ ]?|<[^>]*>|xxxx"
    rb"|0{8}|[*]{3}|\xe2\x80\xa2\xe2\x80\xa2|\xe2\x80\xa6|[.]{3}|test[-_0-9]|fake|foobar|not[-_]a[-_]|lorem|todo|deadbeef"
    rb"|secret[-_]?(?:key|token|value)|my[-_]?(?:secret|pass|key|token|api)|^s3cr3t[0-9!]*$|^secr3t$|^s3cret$|123456|abcdef"
    rb"|p[a@]ss(?:word|wd|phrase)?[-_]?[0-9!]{0,4}$)"
)
#: Template syntax and references to a secret stored elsewhere.
_REFERENCE = (
    rb"[$%@&*!^]?[{(\[<]|&(?:#\w+|lt|gt|amp);|\$[A-Za-z_]|%[A-Za-z_]\w*%|%[sdr]\b|@\w+@|__\w+__$|ENC[\[(]|![A-Za-z]|op://|vault:|arn:"
    rb"|env[:.]|secrets?[./:]|projects/|sops:|process\.env|os\.|import\.meta|file:|\[redacted"
    rb"|(?:self|this|cls|props|config|settings|args|options|state|ctx|req|request|env|params?)[.\[]"
)
#: Calls and expressions.
_CALL = rb"[A-Za-z_$][\w$.>:-]*[(\[{]|[A-Za-z_][\w.]*(?:->|::)[A-Za-z_]|[^\n]*[{(][})]|=>|\w+\)|[^\n]*[$#{]\{"
_ENDINGS = rb"py|js|ts|tsx|json|ya?ml|txt|md|go|rs|java|html|css|pem|key|crt|env|toml|sh|zip|gz|png|ova"
_PATH = (
    rb"(?:\.{0,2}|~)/[\w.@-]+(?:/|$)|[A-Za-z]:\\|[\w.-]+/[\w./-]*\.[a-z]{1,5}$|[\w./:-]+\.(?:" + _ENDINGS + rb")\b"
    rb"|[a-z][a-z0-9+.-]{1,20}://[^\s:@]+(?::[0-9]+)?(?:[/?#]|$)|[\w.+-]+@[\w-]+(?:\.[\w-]+)+$"
)
_NUMBER = (
    rb"[-+]?[0-9][0-9_.,:/TZ+-]*(?:[a-zA-Z%]{1,6})?$|v?[0-9]+(?:\.[0-9A-Za-z*-]+)+$|0x[0-9a-fA-F]{1,16}$"
    rb"|#[0-9a-fA-F]{3,8}$|[~^<>=]+[0-9]|(?:sha[0-9]{1,3}|md5|h1)[-:]|[0-9a-f]{7,40}\.\."
)
_TYPE = (
    rb"[A-Z]?[A-Za-z]+(?:<[^>]*>|\[[^\]]*\])\??$|(?:VAR)?CHAR\b|TEXT\b|(?:var)?char\(|u?int[0-9]{1,3}\b|str[0-9]?\b"
    rb"|[iuf][0-9]{1,3}$"
)
#: Forms of values that are not secrets.
_OTHER = make_engine(b"^(?:%b)" % b"|".join((_REFERENCE, _CALL, _PATH, _NUMBER, _TYPE)))
_IDENTIFIER = re.compile(rb"[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*\Z")
_WORDLIKE = re.compile(rb"[A-Za-z]+[0-9]{0,2}\Z")


def is_secret_value(value: bytes, strength: Strength, style: Style, name: bytes = b"") -> bool:
    """Return whether a value is secret.

    :param value: without quotation marks and surrounding text.
    :param strength: the strength of its name.
    :param name: its name; a value that only repeats the name is not secret.
    """
    size = len(value)
    if strength is Strength.NONE or size < SHORTEST or b" " in value or b"\t" in value:
        return False
    if _OTHER.search(value, 0, size) is not None and not (
        (value.isdigit() and size >= _SHORTEST_NUMBER) or _is_base64_of_key(value)
    ):
        return False
    if _stands_for_one(value) or _repeats(value, name):
        return False
    if _IDENTIFIER.match(value) and (style is Style.CODE or b"." in value):
        if b"." in value or (style is Style.CODE and is_named_by_number(value)):
            return False
        return is_random(value) or (strength >= Strength.CHOSEN and _is_odd(value))
    if strength is Strength.WEAK:
        return is_random(value) or (len(value) >= 24 and _is_dense(value))
    if strength is Strength.CHOSEN:
        return is_random(value) or is_chosen(value) or _is_signed(value)
    return _is_typed(value) if strength is Strength.HUMAN else _is_made(value)


def _is_base64_of_key(value: bytes) -> bool:
    """Return whether what looks like a path is the base64 of 30, 32 or 64 random bytes, as clouds make keys."""
    return (
        value[:1] == b"/"
        and len(value) in _BASE64_LENGTHS
        and _BASE64.match(value) is not None
        and not value.islower()
        and is_random(value[1:])
        and _UNLIKE_PATHS.search(value) is not None
    )


_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")
_BASE64_LENGTHS = frozenset({40, 44, 88})
#: A small letter or digit between capitals, or the reverse, several times: no path has that.
_UNLIKE_PATHS = re.compile(rb"(?:[a-z][A-Z0-9]+[a-z]*){4}[^/]*\Z|(?:[a-z]+[A-Z0-9]+){3}")


def is_loud_value(value: bytes, strength: Strength, name: bytes = b"") -> bool:
    """Return whether a value is secret although no separator follows its name: it must look like nothing else.

    :param strength: the strength of its name.
    """
    if not is_secret_value(value, strength, Style.QUOTED, name):
        return False
    if _is_dense(value):
        return len(value) not in _HASHES or strength is Strength.STRONG
    if is_random(value):
        return True
    if strength is Strength.CHOSEN:
        return value.lower() != value and value.upper() != value
    if strength is not Strength.HUMAN:
        return len(value) >= _SHORTEST_LOUD and is_chosen(value) and value.lower() != value
    return is_chosen(value) or _is_signed(value) or (value.isalpha() and _is_odd(value))


def is_secret_in_context(value: bytes, name: bytes = b"") -> bool:
    """Return whether a value is secret in a context where only a secret is possible.

    After an environment variable or a password flag an ordinary word is secret, unless it is a placeholder.

    :param name: of the variable; a value that only repeats it is not secret.
    """
    if is_secret_value(value, Strength.HUMAN, Style.LITERAL, name):
        return True
    if not SHORTEST <= len(value) <= _LONGEST_WORDS or _WORDS.match(value) is None:
        return False
    is_example = _stands_for_one(value) or _repeats(value, name) or value.lower() in _WORDS_FOR_ONE
    return not is_example and not _SPOKEN_OF.search(value, 0, len(value))


#: Words that are joined by hyphens, or one.
_WORDS = re.compile(rb"[A-Za-z]+(?:-[A-Za-z]+)*\Z")
_LONGEST_WORDS = 64
#: Words used as placeholders, or for how to obtain the secret.
_WORDS_FOR_ONE = frozenset(
    b"postgres mysql mariadb mongodb rabbitmq elastic admin administrator root guest username myuser prompt plain "
    b"plaintext disabled enabled ignore ignored external internal manual automatic generated random basic bearer "
    b"digest vault secretsmanager keychain keyring stdin inherit unset foobar foobarbaz master public private "
    b"production staging development testing localhost letters numeric encrypted".split()
)
#: Words about secrets, which are not secrets themselves.
_SPOKEN_OF = make_engine(
    rb"(?i:passw|secret|token|credential|api-?key|some-|the-|user|here\b|database|value\b|string)"
)


def is_spoken_password(value: bytes) -> bool:
    """Return whether a word that a sentence names as a password is one, and not part of a text about passwords."""
    if is_loud_value(value, Strength.HUMAN):
        return True
    if not is_secret_value(value, Strength.HUMAN, Style.LITERAL) or value.isalpha():
        return False
    return value.isdigit() or not is_named_by_number(value)


def _is_odd(value: bytes) -> bool:
    """Return whether a word is not the name of anything, because of its digits or because it is unpronounceable."""
    if not value.isalpha():
        return is_chosen(value)
    return len(value) >= _SHORTEST_LOUD and looks_drawn(value) and is_unspeakable(value)


def _is_signed(value: bytes) -> bool:
    """Return whether letters, digits and signs are mixed as in passwords, and not as in addresses and versions."""
    return (
        _SIGNED.match(value) is not None
        and any(48 <= each < 58 for each in value)
        and any(chr(each).isalpha() for each in value)
    )


_SIGNED = re.compile(rb"[^./:()<>,\|=+]*[!@#$%^&*][^./:()<>,\|]*\Z")


def _stands_for_one(value: bytes) -> bool:
    """Return whether a value is a placeholder."""
    if value.lower() in _DUMMIES or b"redacted" in value or is_series(value):
        return True
    is_example = _SAYING.search(value, 0, len(value)) is not None
    return is_example and not (len(value) >= 20 and is_random(value) and not is_slug(value))


def _repeats(value: bytes, name: bytes) -> bool:
    """Return whether a value repeats its name, or a part of it."""
    plain, called = _letters(value), _letters(name)
    if not plain or not called or len(value) - len(plain) > 4:
        return False
    return plain in called or called in plain


_NO_LETTERS = bytes(set(range(256)).difference(range(97, 123)))


def _letters(word: bytes) -> bytes:
    return word.lower().translate(None, _NO_LETTERS)


def _is_typed(value: bytes) -> bool:
    """Return whether a value may be a password that somebody chose."""
    if value.isalpha():
        return looks_drawn(value)
    if value.isdigit():
        return len(value) >= _SHORTEST_NUMBER
    if is_slug(value):
        return False
    letters = value.strip(b".,;:!?")
    return not letters.isalpha() and any(48 <= each < 58 or each in b"!@#$%^&*+=?~" for each in value)


def _is_made(value: bytes) -> bool:
    """Return whether a value may be a key that a program generated."""
    if is_uuid(value) or is_hex(value):
        return True
    if len(value) < _SHORTEST_STRONG:
        return False
    if value.isalpha():
        return looks_drawn(value)
    if value.isdigit() or is_slug(value) or _WORDLIKE.match(value):
        return False
    return any(48 <= each < 58 for each in value) or is_random(value)


def _is_dense(value: bytes) -> bool:
    """Return whether a value is a UUID or hexadecimal."""
    return is_uuid(value) or is_hex(value)
