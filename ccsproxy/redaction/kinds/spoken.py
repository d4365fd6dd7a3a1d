"""Secrets that a sentence reveals: the password is ..., use the token ..., Incorrect API key provided: ...

Between the word and the value there are other words, or only a space or a line end. Prose about passwords and tokens
looks the same, so the value must look like nothing else.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.assignments import is_type, judged_name, kind_of, name_begins
from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.named.patterns import LINE_BEGINS, PASSWORDS, TRAIL
from ccsproxy.redaction.kinds.named.value_extent import unescaped
from ccsproxy.redaction.kinds.named.values import Style, is_loud_value, is_secret_value, is_spoken_password
from ccsproxy.redaction.search.finding import FoundSecret

#: Maximum distance of a value from its name, on the same line.
_NEAR = 56
#: A longer match is not a sentence.
_LONGEST = 400
_SIGN = re.compile(rb"[\"'`*\s\\\])]{0,8}(?:[:=|?>,<]|value|content=)")
_KEYS = r"(?:api|access|secret|private|auth|license|account)[ _-]?keys?|token|secret|credentials?"
_LINE_END = r"(?:\r?\n|\\+r|\\+n)"
_LINE_BEGIN = rf"(?:{_LINE_END}[ ]{{0,8}}{LINE_BEGINS}(?:[ \t]|\\+t)*)"
_BELOW = rf"[\"'`*:_)]{{0,4}}[ ]?{_LINE_BEGIN}{{1,3}}(?:```[a-z]{{0,8}}{_LINE_BEGIN})?"
_SAYING = r"is|was|are|to|set|be|been|now|provided|supplied|given|key|value|=|:|=>|->|-|for"
_SAID = rf"(?:[ \t]+(?:{_SAYING})[:`*_]*)*(?:[ \t]|\\+t)+"
#: A word with a digit; secrets without one are not found here.
_WORD = r"[\"'`*(<]*[^\s0-9]*[0-9]"
_MARKS = r"[\"'`*:_]*"
#: The pattern of a word for a secret, followed by something. It has no counted repetition, because each multiplies
#: the states of the automaton: with 56 characters between name and value, ordinary text was searched at a tenth of
#: the speed. Values later on the line are searched for in Python.
SPOKEN = (
    rf"(?i:{PASSWORDS}){TRAIL}(?:{_MARKS}(?:[ \t\n]|\\+[nt])|[\x80-\xff]|\\+u)"
    rf"|(?i:{_KEYS}){_MARKS}(?:{_SAID}|[ ]?{_LINE_END}+(?:```[a-z]*{_LINE_END})?){_WORD}"
    rf"|(?i:\bpass){_MARKS}{_SAID}{_WORD}"
    rf"|(?i:credentials?|creds|log[ -]?in){_MARKS}[ ]?[^\s]+[ ]/[ ]{_WORD}"
)
_NAME = re.compile(
    rf"(?i:{PASSWORDS}|{_KEYS}|pass|creds|log[ -]?in)(?:(?<=[A-Za-z])[\w-]{{0,40}})?".encode("latin-1")
)
_SPOKEN = re.compile(SPOKEN.encode("latin-1"))
#: Some digit near on the line, or at the beginning of the next one.
_PROMISING = re.compile(rb"[^\n]{0,90}?[0-9]|[^\n]{0,8}(?:\r?\n[^\n]{0,24}){1,3}?[^\n]{0,60}?[0-9]")
_QUOTES = rb"\\*[\"'`]|[*(<]"
_WORDS_BETWEEN = (
    rb"(?:is|was|are|be|been|has|to|set|now|just|still|currently|changed|reset|updated|provided|supplied|given|named"
    rb"|ist|lautet|est|es|:|=|=>|->|-|\xe2\x80\x93)"
)
#: The text between a word and the value right after it; its group matches if there is a copula.
_COPULA = rb"[ \t]*(?:\xe6\x98\xaf|\xe3\x81\xaf|\xe4\xb8\xba|\\+u(?:662f|306f|4e3a))"
_DIRECT = re.compile(
    rb"(?:\\*[\"'`]|[*_):])*"
    rb"(?P<introduced>%b|(?:[ \t]*%b[*:`]*(?=[\s\"'`]|[\x80-\xff]|\\|[*]))*)"
    rb"(?:(?:[ \t]|\\+t)+|\xef\xbc\x9a)?(?:%b)*" % (_COPULA, _WORDS_BETWEEN, _QUOTES)
)
#: A sign that introduces a value.
_INTRODUCED = re.compile(rb"[:=]|\xef\xbc\x9a|ff1a")
_BELOW_IT = re.compile(rf"{_BELOW}[ \t]*[\"'`]?".encode("latin-1"))
#: The text before a value later on the line.
_LATER = re.compile(
    rb"(?:[:=>)]|\b(?:is|to|ist|lautet|est|es)|[ ]/|[ ]-(?:b|v|-body|-value))[*_`]*[ \t]+(?:%b)*" % _QUOTES
)
_VALUE = re.compile(rb"[^\s\"'`<>\\\x80-\xff]{6,120}")
#: Most values are told apart by this much of them; one that is longer goes as a whole.
_JUDGED = 120
_LONG_VALUE = re.compile(rb"[^\s\"'`<>\\\x80-\xff]{6,65536}")
#: No value without a digit is one.
_WITH_DIGIT = re.compile(rb"(?=[^\s\"'`<>\\\x80-\xff]{6})[^\s0-9\"'`<>\\\x80-\xff]{0,119}[0-9]")
_LINE = re.compile(rb"\n|\\n")
_IS_NAME = re.compile(rb"[a-z](?:Key|Token|Secret)s?\Z")
_EXPRESSION = re.compile(rb"\).*\(")
#: Commands and statements that take a name and its value.
_COMMANDS = re.compile(
    rb"(?:\bENV|\bARG|\bsetx|\bset[ ]+-\w+|#[ ]*define|configure[ ]set|config[ ]+(?:set|--\w+)|\bset)"
    rb"[ \t]+[\w.:/-]*\Z"
)


def is_spoken(text: bytes, start: int, end: int) -> bool:
    """Return whether the engine's match is of a word for a secret in a sentence, and of nothing else."""
    return end - start <= _LONGEST and _SPOKEN.fullmatch(text, start, end) is not None


def is_separated(text: bytes, end: int) -> bool:
    """Return whether a separator follows a word, as between a name and its value."""
    return _SIGN.match(text, end) is not None


def end_of_word(text: bytes, start: int) -> int:
    """Return the end of the word for a secret that begins at a position, perhaps in the middle of a name."""
    word = _NAME.match(text, start)
    return start + 1 if word is None else word.end()


def find_spoken(text: bytes, start: int, end: int) -> FoundSecret | None:
    """Return the value that a sentence gives after a word for secrets.

    :param start: where the word begins, perhaps in the middle of a name.
    :param end: where it ends.
    """
    if _PROMISING.match(text, end) is None:
        return None
    places = [each for each in _places(text, end) if _WITH_DIGIT.match(text, each[0]) is not None]
    if not places:
        return None
    begin = name_begins(text, start)
    spelled, level = judged_name(text[begin:end])
    if text[start] > 0x7F or spelled[:3].lower() == "log":
        level = Strength.HUMAN
    if level is Strength.NONE or is_type(text, begin):
        return None
    for at, introduced in places:
        value = _VALUE.match(text, at)
        if value is not None:
            token = token_at(text, at)
            if token is not None:
                return token
            if value.end() - at == _JUDGED:
                value = _LONG_VALUE.match(text, at) or value
            stop = at + len(value.group().rstrip(b".,:;?)*_]}"))
            introduced = introduced or (level is Strength.HUMAN and _is_command_argument(text, begin))
            if _is_secret_in_sentence(text[at:stop], level, spelled.encode(), introduced):
                return FoundSecret(at, stop, kind_of(spelled), unescaped(text[at:stop]))
    return None


def _is_command_argument(text: bytes, begin: int) -> bool:
    """Return whether a command takes the name that begins at a position, and its value."""
    return _COMMANDS.search(text, max(begin - 60, 0), begin) is not None


@lru_cache(1024)
def _is_secret_in_sentence(value: bytes, level: Strength, name: bytes, introduced: bool) -> bool:
    # In a list of names, or in an expression.
    if _IS_NAME.search(value) is not None or _EXPRESSION.search(value) is not None:
        return False
    if introduced and level is Strength.HUMAN:
        return is_spoken_password(value)
    if introduced and len(value) >= 16 and is_secret_value(value, level, Style.CODE, name):
        return True
    return is_loud_value(value, max(level, Strength.WEAK), name)


def _places(text: bytes, end: int) -> Iterator[tuple[int, bool]]:
    """Yield the possible beginnings of a value, and whether the sentence says that it is one."""
    direct = _DIRECT.match(text, end)
    if direct is not None and direct.end() > end:
        yield (
            direct.end(),
            bool(direct.group("introduced")) or _INTRODUCED.search(text, end, direct.end()) is not None,
        )
    below = _BELOW_IT.match(text, end)
    if below is not None:
        yield below.end(), False
    line = _LINE.search(text, end, end + _NEAR)
    for later in _LATER.finditer(text, end, line.start() if line else end + _NEAR):
        yield later.end(), False
