"""Tokens that are recognised by their format (`ccsproxy.redaction.kinds.format_table`)."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import attr

from ccsproxy.redaction.kinds.format_table import ALPHABETS, CUT, HASHES, MIDDLES, TABLE
from ccsproxy.redaction.kinds.randomness import is_hex, is_random, is_series, is_slug
from ccsproxy.redaction.search.finding import FoundSecret

#: How many bytes before the middle of a token are examined.
_BEFORE = 96
#: The engine matches only this many letters of a token, since each further one multiplies the automaton's states; the
#: rest is checked after a match.
_HEAD = 8
#: The elements of a pattern, as far as needed to find its long repetitions: escapes, sets, groups, counts.
_STEP = re.compile(r"\\.|\[[^\]]*\]|(?P<opens>\()|(?P<closes>\))|\{(?P<least>[0-9]+)(?P<open>,?)(?P<most>[0-9]*)\}|.")
_FILLERS = re.compile(rb"(?i:\Ax{4}|x{7}|\*{3}|your|example-|placeholder|redacted|changeme|0{8}|\.\.\.)")
_WORDS_ONLY = re.compile(rb"[a-z]+(?:[-_][a-z]+)+\Z")


@attr.frozen
class Format:
    """The format of one kind of token.

    :ivar kind: its name.
    :ivar head: the pattern of the beginning that the engine searches for.
    :ivar whole: the pattern of the complete token.
    :ivar begins: the pattern of its fixed prefix.
    :ivar doubtful: it is a token only if the rest looks random.
    """

    kind: str
    head: str
    whole: str
    begins: str = ""
    doubtful: bool = False


def _listed(table: str) -> Iterator[Format]:
    for line in table.strip().splitlines():
        kind, begins, alphabet, *floor = line.split()
        doubtful = kind.endswith("?")
        kind = kind.rstrip("?")
        if alphabet == "=":
            yield Format(kind, _head(begins), begins, doubtful=doubtful)
            continue
        letters, least = ALPHABETS[alphabet], int(floor[0])
        head = f"{begins}{letters}{{{min(least, _HEAD)}}}"
        yield Format(kind, head, f"{begins}{letters}{{{least},}}", begins, doubtful)


def _head(expression: str) -> str:
    """Return the pattern of a token's beginning: up to its first long repetition, with that one shortened.

    An unbounded one would be followed to the end of the text, from each position where a token may begin.
    """
    depth = 0
    for step in _STEP.finditer(expression):
        depth += bool(step.group("opens")) - bool(step.group("closes"))
        least = int(step.group("least") or 0)
        if depth == 0 and (least >= _HEAD or (step.group("open") and not step.group("most"))):
            return f"{expression[: step.start()]}{{{min(least, _HEAD)}}}"
    return expression


def _hashes(table: str) -> Iterator[Format]:
    for line in table.strip().splitlines():
        kind, expression = line.split()
        yield Format(kind, _head(expression), expression)


def _middles(table: str) -> Iterator[tuple[str, str, re.Pattern[bytes], re.Pattern[bytes]]]:
    """Yield each kind with the pattern of its middle, of the text before it, and of the middle and the text after
    it.
    """
    for line in table.strip().splitlines():
        kind, middle, whole = line.split()
        before, after = whole.split("@")
        yield kind, middle, re.compile(f"(?:{before})\\Z".encode()), re.compile(f"(?:{middle}){after}".encode())


LISTED = tuple(_listed(TABLE))
_HASHES = tuple(_hashes(HASHES))
_CUT = tuple(attr.evolve(each, whole=f"{each.whole}(?:\\Z|(?=\\n))") for each in _listed(CUT))
_ALL = (*LISTED, *_HASHES, *_CUT)
_MIDDLES = tuple(_middles(MIDDLES))

#: The boundary before a token: an escaped letter, a percent-encoded byte, a terminal colour.
BOUNDARY = r"(?:\b|\\(?:[abfnrtv0]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})|%[0-9A-Fa-f]{2}|\x1b\[[0-9;]*[mK])"
#: The pattern of all beginnings.
TOKENS = f"(?:\\b|\\\\[nrt])(?:{'|'.join(each.head for each in (*LISTED, *_CUT))})"
MARKED = "|".join((*(each.head for each in _HASHES), *(middle for _, middle, _, _ in _MIDDLES)))
_MIDDLE = re.compile("|".join(middle for _, middle, _, _ in _MIDDLES).encode())
#: How much of a token is checked; the first part of a JSON Web Token alone may be longer.
_JUDGED, _LONGEST_JUDGED, _JWT = 256, 8192, ord("e")
_BOUNDARY = re.compile(BOUNDARY.encode())


def _by_first_letter() -> dict[int, re.Pattern[bytes]]:
    """Return, by first letter, one pattern for all formats; the number of the last group is that of the format."""
    letters: dict[int, list[str]] = {}
    for number, each in enumerate(_ALL):
        for letter in _first_letters(each.whole):
            letters.setdefault(letter, []).append(f"(?:{each.whole})(?P<f{number}>)")
    return {letter: re.compile("|".join(those).encode()) for letter, those in letters.items()}


def _first_letters(expression: str) -> Iterator[int]:
    """Yield the letters that a pattern may begin with: a letter, an escaped one, or a set."""
    first = re.match(r"\[[^\]]+\]|\\.|\(\?:([a-z]+(?:\|[a-z]+)*)\)|.", expression)
    assert first is not None  # noqa: S101 - a pattern is not empty
    if first.group(1):
        yield from {ord(word[0]) for word in first.group(1).split("|")}
        return
    one = re.compile(first.group().encode())
    yield from (code for code in range(256) if one.match(bytes((code,))))


_FORMATS = _by_first_letter()


def after_boundary(text: bytes, start: int) -> int:
    """Return where the token of a match begins: after an escape that ended the word before it."""
    found = _BOUNDARY.match(text, start) if text[start] in b"\\%\x1b" else None
    return start if found is None else found.end()


def token_at(text: bytes, start: int) -> FoundSecret | None:
    """Return the token that begins at a position, None if none does."""
    pattern = _FORMATS.get(text[start]) if start < len(text) else None
    if pattern is None:
        return None
    last = start + (_LONGEST_JUDGED if text[start] == _JWT else _JUDGED)
    found = pattern.match(text, start, last)
    if found is None or found.lastgroup is None:
        return None
    form = _ALL[int(found.lastgroup[1:])]
    if form in _CUT and found.end() == last < len(text):
        return None  # it extends beyond what is checked
    if not _is_token(form, text, start, found.end()):
        return None
    if found.end() == last:
        found = pattern.match(text, start) or found
    return _finding(form.kind, text, start, found.end())


def _finding(kind: str, text: bytes, start: int, end: int) -> FoundSecret:
    return FoundSecret(start, end, kind, text[start:end])


#: The length of the first part of a Discord token, the base64 of a number.
_IN_DISCORD = (22, 29)


def _is_token(form: Format, text: bytes, start: int, end: int) -> bool:
    """Tell whether a match of a format is a token rather than a placeholder, word, name or run of data."""
    token = text[start:end]
    begins = re.match(form.begins.encode(), token) if form.begins else None
    rest = token[begins.end() :] if begins else token
    if is_series(rest[:64]) or _FILLERS.search(rest[:32]) is not None or _WORDS_ONLY.match(rest) is not None:
        return False
    if form.kind == "discord-token" and not _IN_DISCORD[0] <= token.find(b".") <= _IN_DISCORD[1]:
        return False
    if form.doubtful:
        return not _in_word(text, start) and _is_key(rest[:128]) and not in_data(text, start)
    if form.kind == "aws-access-key-id" and token.endswith(b"EXAMPLE"):
        return False
    if form.kind == "slack-token" and not any(48 <= letter < 58 for letter in rest):
        return False
    if form in _CUT and (not any(48 <= letter < 58 for letter in rest) or _is_other_json(token)):
        return False
    return not is_slug(rest[:128]) and not in_data(text, start)


def _is_other_json(token: bytes) -> bool:
    """Tell whether base64 is a complete JSON object that is not a token's header, which would name its algorithm.

    Claude Code 2.1.332 reports about itself in such values. RFC 7515, section 4.1.1: ``alg`` must be present.
    """
    try:
        value = json.loads(urlsafe_b64decode(token + b"=" * (-len(token) % 4)))
    except ValueError:
        return False
    return isinstance(value, dict) and "alg" not in value


def _is_key(rest: bytes) -> bool:
    if len(rest) >= 16:
        return is_hex(rest) or is_random(rest)
    return rest.lower() != rest != rest.upper() and not rest.isalpha()


def _in_word(text: bytes, start: int) -> bool:
    """Tell whether a hyphen joins a token to letters before it, as in ``a-sk-b``."""
    return start > 1 and text[start - 1] in b"-+." and text[start - 2 : start - 1].isalnum()


_DATA = re.compile(rb"[A-Za-z0-9+/_=-]{64}\Z")


def in_data(text: bytes, start: int) -> bool:
    """Tell whether a position is within base64 data, where any letters may occur."""
    before = text[max(start - 64, 0) : start]
    return _DATA.match(before) is not None and is_random(before[:32]) and is_random(before[32:])


def marked_at(text: bytes, start: int) -> FoundSecret | None:
    """Return the token whose mark, in its middle or at its beginning, is at a position; None if there is none."""
    found = token_at(text, start) if text[start] == 0x24 else None
    if found is not None:
        return found
    if _MIDDLE.match(text, start) is None:
        return None
    for kind, _, before, rest in _MIDDLES:
        after = rest.match(text, start)
        if after is None:
            continue
        left = before.search(text, max(start - _BEFORE, 0), start)
        if left is not None and not in_data(text, left.start()):
            return _finding(kind, text, left.start(), after.end())
    return None
