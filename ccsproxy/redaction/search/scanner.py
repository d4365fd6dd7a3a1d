"""Searches a text for secrets: one pass of the engine, and a judgement of each match."""

import re
from collections.abc import Callable
from functools import partial

from ccsproxy.redaction.kinds.addresses import (
    PAIRS,
    PARAMETERS,
    USERS,
    behind_address,
    find_pair,
    find_parameter,
    find_user,
)
from ccsproxy.redaction.kinds.blocks import BEGINNINGS, find_block
from ccsproxy.redaction.kinds.encodings import ENCODED, ESCAPED, find_encoded, find_escaped
from ccsproxy.redaction.kinds.formats import MARKED, TOKENS, after_boundary, marked_at, token_at
from ccsproxy.redaction.kinds.named.assignments import SCHEMED, find_named, find_schemed
from ccsproxy.redaction.kinds.named.patterns import FLAGGED, NAMED
from ccsproxy.redaction.kinds.phrases import BEFORE_NAMES, PHRASES, find_cookies, find_phrase
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.kinds.spoken import SPOKEN, end_of_word, find_spoken, is_separated, is_spoken
from ccsproxy.redaction.search.data_runs import SHORTEST as SHORTEST_RUN
from ccsproxy.redaction.search.data_runs import data_runs
from ccsproxy.redaction.search.engine import PatternEngine, make_engine
from ccsproxy.redaction.search.finding import FoundSecret, disjoint
from ccsproxy.redaction.search.verdicts import WINDOW, Verdicts
from ccsproxy.redaction.search.view import ESCAPES, view_of

#: Everything that is looked for.
EXPRESSION = "|".join(
    (BEGINNINGS, TOKENS, MARKED, NAMED, FLAGGED, SCHEMED, USERS, PARAMETERS, PAIRS, PHRASES, ENCODED, ESCAPED, SPOKEN)
)
#: The depth to which what is encoded is decoded.
_DEEPEST = 2
#: So much behind an escape is looked at with the escapes of it undone.
_VIEWED = 2048


class Scanner:
    """Finds secrets in texts; keeps nothing of them."""

    def __init__(self, make: Callable[[bytes], PatternEngine] = make_engine) -> None:
        """Compile the expression.

        :param make: makes the engine.
        """
        self._search = make(f"{EXPRESSION}|{ESCAPES}".encode("latin-1")).search
        # One engine a kind: what all of them would know together of random letters is the product of their states.
        self._in_data = [
            (make(expression.encode("latin-1")).search, judge)
            for expression, judge in ((TOKENS, _token), (MARKED, _marked), (ENCODED, find_encoded))
        ]

    def find(self, text: bytes, depth: int = 0) -> list[FoundSecret]:
        """Return the secrets in a text in UTF-8, in order and without overlap.

        :param depth: how often what is searched was decoded already.
        """
        findings: list[FoundSecret] = []
        verdicts = Verdicts()
        position = 0
        for begin, end in data_runs(text) if len(text) >= SHORTEST_RUN else ():
            position = self._find_to(text, position, begin + _EDGE, depth, findings, verdicts)
            if position < end - _EDGE:
                findings += self._find_in_data(text, position, end - _EDGE, depth)
                position = end - _EDGE
        self._find_to(text, position, len(text), depth, findings, verdicts)
        return disjoint(findings) if findings else findings

    def _find_to(
        self, text: bytes, position: int, end: int, depth: int, findings: list[FoundSecret], verdicts: Verdicts
    ) -> int:
        """Search a stretch of a text, and return where to go on: at its end, or behind what goes on over it."""
        search = self._search
        found = search(text, position, end) if position < end else None
        while found is not None:
            if _ESCAPES.match(text, found[0]) is not None:
                # An escape hides letters from the expression: only there is a second look at the text worth its cost.
                position = self._through_view(text, found[0], depth, findings, verdicts)
            else:
                position = self._verdict(text, *found, depth, findings, verdicts)
            found = search(text, position, end) if position < end else None
        return max(position, end)

    def _find_in_data(self, text: bytes, start: int, end: int, depth: int) -> list[FoundSecret]:
        """Search the middle of a long stretch of base64 for tokens, and for base64 that says something."""
        findings: list[FoundSecret] = []
        for search, judge in self._in_data:
            verdicts = Verdicts()  # of one kind of secret, as what goes on behind a place differs from kind to kind
            found = search(text, start, end)
            while found is not None:
                position = verdicts.known(text, *found, findings, end)
                if position is None:
                    before = len(findings)
                    secret, position = judge(text, found[0], self._deeper(depth))
                    position = max(_noted(secret, position, findings), found[0] + 1)
                    verdicts.remember(found[0], position, findings[before:], before)
                found = search(text, position, end) if position < end else None
        return findings

    def _through_view(
        self, text: bytes, escape: int, depth: int, findings: list[FoundSecret], verdicts: Verdicts
    ) -> int:
        """Search the text around an escape as the engine would see it without, and return where to go on."""
        begin = max(escape - WINDOW, 0)
        view = view_of(text[begin : escape + _VIEWED])
        last = len(view) if escape + _VIEWED >= len(text) else len(view) - WINDOW
        position = min(begin, 1)  # behind one letter, so that the engine sees whether a word begins there
        # By the same automaton, which knows its way already; what looks like an escape here was escaped twice.
        found = self._search(view, position, len(view))
        while found is not None and found[0] < last:
            if _ESCAPES.match(view, found[0]) is not None and _ESCAPE.match(view, found[0]) is None:
                found = self._search(view, found[0] + 1, len(view))
                continue
            start, end = found[0] + begin, found[1] + begin
            position = self._verdict(text, start, end, depth, findings, verdicts, begin + last) - begin
            found = self._search(view, position, len(view)) if position < len(view) else None
        return begin + max(last, position)

    def _verdict(
        self,
        text: bytes,
        start: int,
        end: int,
        depth: int,
        findings: list[FoundSecret],
        verdicts: Verdicts,
        last: int = 0,
    ) -> int:
        """Judge a place, or remember what was judged of one like it, and return where to go on.

        :param last: where what is searched ends, if not with the text.
        """
        position = verdicts.known(text, start, end, findings, last or len(text))
        if position is None:
            before = len(findings)
            position = self._judge(text, start, end, depth, findings)
            verdicts.remember(start, position, findings[before:], before)
        return position

    def _judge(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Judge a place, note what it holds, and return where to go on."""
        token_start = after_boundary(text, start)
        found = token_at(text, token_start)
        if found is not None:
            findings.append(found)
            findings += _secret_of_id(text, found)
            # Never back: a search that goes on before the end of its own match may find the same place for ever.
            return max(end, findings[-1].end)
        block = find_block(text, start) if text.startswith(_BLOCKS, start) else None
        if block is not None:
            findings += block
            return max(end, block[-1].end if block else end)
        return self._other(text, start, end, depth, findings)

    def _other(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Judge a place that holds neither a token nor a key file."""
        if is_spoken(text, start, end):
            end = end_of_word(text, start)  # what stands behind it was matched with it, and may be found by itself
            told = find_spoken(text, start, end)
            if told is not None:
                return _noted(told, end, findings)
            if not is_separated(text, end):
                return end
        first = text[start]
        if first == _COLON and text.startswith(b"://", start):
            return _noted(find_user(text, start, end), behind_address(text, start, end), findings)
        if first in b"?&":
            return _noted(find_parameter(text, start), start + 3, findings)
        if first == _BACKSLASH and _ESCAPE.match(text, start) is not None:
            escaped, position = find_escaped(text, start, self._deeper(depth))
            findings += escaped
            return position
        if first in b"cC-":
            cookies, position = find_cookies(text, start)
            findings += cookies
            if position > start:
                return max(end, position)
        if text.startswith(BEFORE_NAMES, start) and (phrases := find_phrase(text, start)):
            findings += phrases
            return max(end, phrases[-1].end)
        behind = start
        if first in _BEFORE_FLAG:
            behind += 1
            if text[behind : behind + 1] != b"-":
                return self._unnamed(text, start, end, depth, findings)
        named, position = find_named(text, behind)
        findings += named
        if position > behind:
            return position
        return self._unnamed(text, start, end, depth, findings)

    def _unnamed(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Judge a place where no name is."""
        for judge in (find_schemed, marked_at, find_pair):
            found = judge(text, start)
            if found is not None:
                return _noted(found, end, findings)
        phrases = find_phrase(text, start)
        if phrases:
            findings += phrases
            return max(end, phrases[-1].end)
        found, position = find_encoded(text, start, self._deeper(depth))
        return max(_noted(found, position, findings), end)

    def _deeper(self, depth: int) -> Callable[[bytes], list[FoundSecret]]:
        """Return what searches a decoded text."""
        return partial(self.find, depth=depth + 1) if depth < _DEEPEST else lambda _: []


#: So much at both ends of a long stretch of base64 is searched like any text: a name may stand before it, and it may
#: be a value itself.
_EDGE = 512


def _token(text: bytes, start: int, deeper: Callable[[bytes], list[FoundSecret]]) -> tuple[FoundSecret | None, int]:
    """Judge a place in data where a token may begin; see `find_encoded`."""
    start = after_boundary(text, start)
    return token_at(text, start), start + 1


def _marked(text: bytes, start: int, deeper: Callable[[bytes], list[FoundSecret]]) -> tuple[FoundSecret | None, int]:
    """Judge a place in data where the mark of a token stands; see `find_encoded`."""
    return marked_at(text, start), start + 1


#: What may stand before a flag, and is found with it.
_BEFORE_FLAG = b" \t\r\n\"'=,[+:>\x92"
_BLOCKS = (b"----", b"PuTTY-")
_COLON, _BACKSLASH = ord(":"), 0x5C
_ESCAPE = re.compile(ESCAPED.encode())
_ESCAPES = re.compile(ESCAPES.encode())
#: The secret that the consoles of AWS write behind its identifier.
_BEHIND_ID = re.compile(rb"[\"']?[,;\t |:]+[\"']?([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])")


def _noted(found: FoundSecret | None, otherwise: int, findings: list[FoundSecret]) -> int:
    """Note a finding, and return where to go on."""
    if found is None:
        return otherwise
    findings.append(found)
    return found.end


def _secret_of_id(text: bytes, found: FoundSecret) -> list[FoundSecret]:
    """Return the secret key that follows its identifier."""
    if found.kind != "aws-access-key-id":
        return []
    behind = _BEHIND_ID.match(text, found.end)
    if behind is None or not is_random(behind.group(1)):
        return []
    return [FoundSecret(*behind.span(1), "aws-secret-key", behind.group(1))]
