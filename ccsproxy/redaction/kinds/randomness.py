"""Decides whether a word looks random, as keys do, or chosen by people, as names and sentences do.

Entropy alone does not decide: four of five long identifiers reach the 3.5 bits per character that scanners use as a
threshold. Better criteria, and cheap ones, are the character classes, how often they change, and unpronounceable
stretches (measured on the standard library: 15 of 6,342 words of 20 letters and more mix three classes).
"""

import re

_HEX = re.compile(rb"[0-9a-f]+\Z|[0-9A-F]+\Z")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
#: Lengths that hashes and keys have in hexadecimal digits.
_HEX_LENGTHS = frozenset({32, 40, 48, 56, 64, 96, 128})
_PARTS = re.compile(rb"[^A-Za-z0-9]+")
#: Signs that do not join words.
_SYMBOLS = re.compile(rb"[^A-Za-z0-9._:/,@ -]")
#: The words in an identifier: lower case, capitalised, or all capitals; digits.
_CHUNKS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]|[0-9]+")
#: No word of a language has so many letters without a vowel.
_UNSPEAKABLE = re.compile(rb"[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{7}")

#: The words in an identifier, each with the number that follows it.
_NUMBERED = re.compile(rb"(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+)[0-9]*|[0-9]+")
#: Words that numbers belong to.
_NAMED_BY_NUMBER = re.compile(
    rb"(?i:utf|sha|md|base|int|uint|float|double|ipv|https?|oauth|py|python|node|win|windows|amd|arm|rsa|aes|des|ed|ec"
    rb"|curve|secp|bcrypt|scrypt|argon|pbkdf|blake|crc|tls|ssl|socks|step|level|user|part|col|row|line|test|tmp|var|arg"
    rb"|param|val|value|key|token|pass|passwd|password|secret|id|item|field|version|ver|rev|page|group|phase|stage|type"
    rb"|mode|option|example|latin|cp|iso|rfc|cve|port|host|server|db|num|unicode|web|es|ecma|log|b|x|h|mp|vec|mat|str"
    rb"|gpt|claude|gemini|qwen|llama|opus|sonnet|haiku|model|bytes?|bits?|chars?|days?|sub|dev|app|env|cfg|file|name"
    rb"|beta|alpha|rc|alert|attempt|error|fig|figure|table|section|chapter|issue|ticket|pr)[0-9]{1,6}"
    rb"|(?i:b64|i18|l10|k8|s3|x86|v[0-9]{1,3}|p2|[uif](?:8|16|32|64|128)|e2|a11|c99|c11|n8|t5|m1|o[134])"
)
#: A number with its unit or with what it counts.
_COUNTED = re.compile(
    rb"[0-9]{1,8}(?i:x|px|ms|s|st|nd|rd|th|k|kb|mb|gb|h|hrs?|min|days?|d|chars?|bits?|bytes?|cols?|rows?|fa|characters?)?"
)


def is_uuid(word: bytes) -> bool:
    """Tell whether a word is a UUID."""
    return _UUID.match(word) is not None


def is_hex(word: bytes) -> bool:
    """Return whether a word is hexadecimal digits of one case, with the length of a hash or key, and not a number."""
    return len(word) in _HEX_LENGTHS and _HEX.match(word) is not None and 2 <= _digits(word) <= len(word) - 2


def is_random(word: bytes) -> bool:
    """Return whether a word of 16 characters or more looks random."""
    size = len(word)
    if size < 16 or len(set(word)) < 8:
        return False
    if is_hex(word):
        return True
    digits = _digits(word)
    if not digits:
        return size >= 20 and _changes(word) * 3 >= size and not is_slug(word)
    if is_slug(word):
        return False
    if _UNSPEAKABLE.search(word) is not None:
        return True
    letters = word.rstrip(b"0123456789")
    # Words in camel case with a small number; of random words hardly one has all its digits at its end.
    if letters.isalpha() and size - len(letters) <= 4:
        return _changes(letters) * 3 >= len(letters)
    chunks = len(_CHUNKS.findall(word))
    return chunks * 4 >= size and _mixed(word, digits)


def _mixed(word: bytes, digits: int) -> bool:
    """Return whether there are letters of both cases, or as many digits among the letters as a random word has."""
    both = word.lower() != word and word.upper() != word
    return both or digits * 8 >= len(word)


def looks_drawn(word: bytes) -> bool:
    """Return whether a word of letters looks random: its case changes too often for a language."""
    return len(word) >= 8 and (_changes(word) * 3 >= len(word) or _UNSPEAKABLE.search(word) is not None)


def is_unspeakable(word: bytes) -> bool:
    """Return whether a word of letters has a run of consonants, or changes of case, that no language has."""
    return _UNSPEAKABLE.search(word) is not None or _changes(word) * 5 >= len(word) * 3


def is_slug(word: bytes) -> bool:
    """Return whether a word consists of words and small numbers, as names of files and branches do."""
    if _SYMBOLS.search(word) is not None:
        return False
    parts = [part for part in _PARTS.split(word) if part]
    return len(parts) > 1 and all(map(_is_plain, parts))


def _is_plain(part: bytes) -> bool:
    """Return whether a part of a name is a word, perhaps with a small number, a number, or words in camel case."""
    if part.isdigit():
        return len(part) <= 8
    letters = part.rstrip(b"0123456789")
    if len(part) - len(letters) > 4:
        return False
    if len(letters) <= 2:
        return not (letters[:1].islower() and letters[1:].isupper())
    if not letters.isalpha() or _UNSPEAKABLE.search(letters) is not None:
        return False
    return len(_CHUNKS.findall(letters)) * 3 <= len(letters) + 2


def is_chosen(word: bytes) -> bool:
    """Return whether a word contains digits as passwords do, and not as names of technology do.

    ``Hunter2xyz``, ``letmein99x`` and ``Winter2026`` are chosen; ``sha256sum``, ``utf8Text``, ``value2`` are names.
    """
    return any(map(_is_chosen_part, filter(None, _PARTS.split(word))))


def _is_chosen_part(part: bytes) -> bool:
    numbered = [chunk for chunk in _numbered(part) if not chunk.isdigit()]
    if len(numbered) > 2:
        return True
    odd = [chunk for chunk in numbered if not _is_named(chunk)]
    return any(not part.endswith(chunk) or _digits(chunk) > 2 for chunk in odd)


def is_named_by_number(word: bytes) -> bool:
    """Return whether all digits of a word belong to a name such as ``sha256`` or ``step2``, or count something."""
    parts = [part for part in _PARTS.split(word) if part and not part.isalpha()]
    return bool(parts) and all(_COUNTED.fullmatch(part) or all(map(_is_named, _numbered(part))) for part in parts)


def _numbered(part: bytes) -> list[bytes]:
    """Return the words in a part of a name that end with digits."""
    return [chunk for chunk in _NUMBERED.findall(part) if chunk[-1:].isdigit()]


def _is_named(chunk: bytes) -> bool:
    return _NAMED_BY_NUMBER.fullmatch(chunk) is not None


def is_series(word: bytes) -> bool:
    """Return whether a word repeats one letter, or two or three letters."""
    return len(set(word.lower())) <= 3


def _digits(word: bytes) -> int:
    return len(word) - len(word.translate(None, b"0123456789"))


def _changes(word: bytes) -> int:
    """Count how often small and capital letters follow one another."""
    return len(re.findall(rb"[a-z][A-Z]|[A-Z](?=[a-z])", word))
