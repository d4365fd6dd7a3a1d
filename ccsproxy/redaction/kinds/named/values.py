"""Whether the value beside a secret name is a secret, or a placeholder, reference, type, path or word.

The name says what could stand there; in code, schemas, translations and tests something else mostly does.
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
    """How a value is written, which decides what may stand there."""

    #: In quotation marks, or as the member of an object.
    QUOTED = "quoted"
    #: Bare, where a bare word is a text: a shell, an environment file, YAML, a header field.
    LITERAL = "literal"
    #: Bare, where a bare word may be a name: source code.
    CODE = "code"


#: Shorter values are words of any text.
SHORTEST = 6
_SHORTEST_STRONG = 8
_SHORTEST_NUMBER = 8
#: A word that is called secret by no sign has more letters than most names.
_SHORTEST_LOUD = 12
#: Lengths of the hashes that stand for commits and contents.
_HASHES = frozenset({40, 64})
#: Whole values that stand for a secret. Case does not matter.
_DUMMIES = frozenset(
    b"none null true false undefined nil nan void changeme change_me change-me todo fixme tbd secret password token "
    b"string str int bool boolean number object any unknown required optional hidden masked redacted default empty "
    b"not-needed lm-studio dummy-key anything placeholder anthropic hunter2hunter2".split()
)
#: Parts of a value that say that it is an example.
_SAYING = make_engine(
    rb"(?i:change[-_]?me|example|sample|dummy|placeholder|redact|insert[-_]|replace|your[-_ ]?|<[^>]*>|xxxx"
    rb"|0{8}|[*]{3}|\xe2\x80\xa2\xe2\x80\xa2|\xe2\x80\xa6|[.]{3}|test[-_0-9]|fake|foobar|not[-_]a[-_]|lorem|todo|deadbeef"
    rb"|secret[-_]?(?:key|token|value)|my[-_]?(?:secret|pass|key|token|api)|^s3cr3t[0-9!]*$|123456|abcdef"
    rb"|p[a@]ss(?:word|wd|phrase)?[-_]?[0-9!]{0,4}$)"
)
#: Template syntax and references to where the secret is.
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
#: What is no secret by its form.
_OTHER = make_engine(b"^(?:%b)" % b"|".join((_REFERENCE, _CALL, _PATH, _NUMBER, _TYPE)))
_IDENTIFIER = re.compile(rb"[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*\Z")
_WORDLIKE = re.compile(rb"[A-Za-z]+[0-9]{0,2}\Z")


def is_secret_value(value: bytes, strength: Strength, style: Style, name: bytes = b"") -> bool:
    """Tell whether a value is secret.

    :param value: without quotation marks and without what stands around it.
    :param strength: what its name says.
    :param name: its name; a value that only repeats it is none.
    """
    size = len(value)
    if strength is Strength.NONE or size < SHORTEST or b" " in value or b"\t" in value:
        return False
    if _OTHER.search(value, 0, size) is not None and not (value.isdigit() and size >= _SHORTEST_NUMBER):
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


def is_loud_value(value: bytes, strength: Strength, name: bytes = b"") -> bool:
    """Tell whether a value is secret where no sign stands between its name and it: it has to look like nothing else.

    :param strength: what its name says.
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


def is_given_value(value: bytes, name: bytes = b"") -> bool:
    """Tell whether a value is secret that stands where only a secret can: behind a variable of the environment, or
    behind a command's flag for passwords. There a word is one, unless it says itself what it stands for.

    :param name: of the variable; a value that only repeats it is none.
    """
    if is_secret_value(value, Strength.HUMAN, Style.LITERAL, name):
        return True
    if not SHORTEST <= len(value) <= _LONGEST_WORDS or _WORDS.match(value) is None:
        return False
    said = _stands_for_one(value) or _repeats(value, name) or value.lower() in _WORDS_FOR_ONE
    return not said and not _SPOKEN_OF.search(value, 0, len(value))


#: Words that are joined by hyphens, or one.
_WORDS = re.compile(rb"[A-Za-z]+(?:-[A-Za-z]+)*\Z")
_LONGEST_WORDS = 64
#: What stands for the word that belongs there, or says how it is come by.
_WORDS_FOR_ONE = frozenset(
    b"postgres mysql mariadb mongodb rabbitmq elastic admin administrator root guest username myuser prompt plain "
    b"plaintext disabled enabled ignore ignored external internal manual automatic generated random basic bearer "
    b"digest vault secretsmanager keychain keyring stdin inherit unset foobar foobarbaz master public private "
    b"production staging development testing localhost letters numeric encrypted".split()
)
#: Words about secrets, which none is made of.
_SPOKEN_OF = make_engine(
    rb"(?i:passw|secret|token|credential|api-?key|some-|the-|user|here\b|database|value\b|string)"
)


def is_spoken_password(value: bytes) -> bool:
    """Tell whether a word that a sentence says to be a password is one, and not what is said about passwords."""
    if is_loud_value(value, Strength.HUMAN):
        return True
    if not is_secret_value(value, Strength.HUMAN, Style.LITERAL) or value.isalpha():
        return False
    return value.isdigit() or not is_named_by_number(value)


def _is_odd(value: bytes) -> bool:
    """Tell whether a word is no name of anything: by its digits, or since it cannot be spoken."""
    if not value.isalpha():
        return is_chosen(value)
    return len(value) >= _SHORTEST_LOUD and looks_drawn(value) and is_unspeakable(value)


def _is_signed(value: bytes) -> bool:
    """Tell whether letters, digits and signs stand together as in passwords, and not as in addresses and versions."""
    return (
        _SIGNED.match(value) is not None
        and any(48 <= each < 58 for each in value)
        and any(chr(each).isalpha() for each in value)
    )


_SIGNED = re.compile(rb"[^./:()<>,\|=+]*[!@#$%^&*][^./:()<>,\|]*\Z")


def _stands_for_one(value: bytes) -> bool:
    """Tell whether a value is a placeholder."""
    if value.lower() in _DUMMIES or b"redacted" in value or is_series(value):
        return True
    said = _SAYING.search(value, 0, len(value)) is not None
    return said and not (len(value) >= 20 and is_random(value) and not is_slug(value))


def _repeats(value: bytes, name: bytes) -> bool:
    """Tell whether a value is its name again, or a part of it."""
    plain, called = _letters(value), _letters(name)
    if not plain or not called or len(value) - len(plain) > 4:
        return False
    return plain in called or called in plain


_NO_LETTERS = bytes(set(range(256)).difference(range(97, 123)))


def _letters(word: bytes) -> bytes:
    return word.lower().translate(None, _NO_LETTERS)


def _is_typed(value: bytes) -> bool:
    """Tell whether a value may be a password that somebody chose."""
    if value.isalpha():
        return looks_drawn(value)
    if value.isdigit():
        return len(value) >= _SHORTEST_NUMBER
    if is_slug(value):
        return False
    letters = value.strip(b".,;:!?")
    return not letters.isalpha() and any(48 <= each < 58 or each in b"!@#$%^&*+=?~" for each in value)


def _is_made(value: bytes) -> bool:
    """Tell whether a value may be a key that a program made."""
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
    """Tell whether a value is a UUID or hexadecimal."""
    return is_uuid(value) or is_hex(value)
