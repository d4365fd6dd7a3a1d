"""Excerpts: the passage of a record that matches a search, cut out of the record.

The index has no texts of its own. The words are searched in the JSON of the bodies, from the end, because what is new
in a call is at its end; only if they are not found there, all texts are read.
"""

import json
import re
from collections.abc import Iterator, Sequence

from ccsproxy.store.index.texts.full_text import texts_of
from ccsproxy.store.query import terms
from ccsproxy.store.summary import Entry, read_entry

#: How many words an excerpt has before and after the match, and within how many bytes they are taken.
WORDS, REACH = 12, 300

_NO_WHOLE_ESCAPE = re.compile(r"(\\u?[0-9a-fA-F]{0,3})\Z")
_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')


def excerpt(line: bytes, q: str) -> str | None:
    """Return the text around the search words in a record, null if they are not found in it.

    :param line: the record's JSON.
    :param q: the search.
    """
    wanted = [words for words, _ in terms(q)]
    try:
        entry = read_entry(line)
    except ValueError:
        return None
    for body in _bodies(entry):
        for words in wanted:
            if words[0].isascii() and (found := _in_json(body, " ".join(words))):
                return found
    return _in_texts(entry, wanted)


def _bodies(entry: Entry) -> Iterator[bytes]:
    if entry.response is not None:
        yield bytes(entry.response.body_reassembled)
    yield bytes(entry.request.body)


def _in_json(body: bytes, phrase: str) -> str | None:
    """Find a phrase in JSON by its bytes, and return the surrounding part of its string."""
    at = body.lower().rfind(phrase.lower().encode())
    if at < 0:
        return None
    before = body[max(at - REACH, 0) : at].decode("utf-8", "ignore")
    after = body[at : at + len(phrase) + REACH].decode("utf-8", "ignore")
    begin = max((match.end() for match in _QUOTE.finditer(before)), default=0)
    cut_off = begin == 0 and at > REACH
    end = _QUOTE.search(after)
    head = _plain(before[begin:].partition(" ")[2] if cut_off else before[begin:])
    tail = _plain(_NO_WHOLE_ESCAPE.sub("", after[: end.start()] if end else after))
    return _shortened(head, tail) if head is not None and tail is not None else None


def _plain(text: str) -> str | None:
    """Decode a part of a JSON string."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return None


def _in_texts(entry: Entry, wanted: Sequence[list[str]]) -> str | None:
    """Find the words in the texts of a record as people read them, including accents."""
    patterns = [re.compile(r"[\W_]+".join(map(re.escape, words)), re.IGNORECASE) for words in wanted]
    for text in reversed(list(texts_of(entry))):
        for pattern in patterns:
            if found := pattern.search(text):
                at = found.start()
                return _shortened(text[max(at - REACH, 0) : at], text[at : at + len(found[0]) + REACH])
    return None


def _shortened(head: str, tail: str) -> str:
    """Join the two sides of a match, shortened to some words each."""
    before, after = head.split(), tail.split()
    left, right = before[-WORDS:], after[: WORDS + 1]
    glue = "" if not head or not head[-1].isspace() else " "
    text = " ".join(left) + (glue if left else "") + " ".join(right)
    return ("…" if len(before) > len(left) else "") + text + ("…" if len(after) > len(right) else "")
