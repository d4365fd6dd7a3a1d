"""Searches a text for secrets: one pass of the engine, and a check of each match."""

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
from ccsproxy.redaction.kinds.commands.flags import find_flagged
from ccsproxy.redaction.kinds.encodings import ENCODED, ESCAPED, find_encoded, find_escaped
from ccsproxy.redaction.kinds.formats import MARKED, TOKENS, after_boundary, marked_at, token_at
from ccsproxy.redaction.kinds.key_sentences import BEGINS, SAID, find_said
from ccsproxy.redaction.kinds.named.assignments import SCHEMED, find_named, find_schemed
from ccsproxy.redaction.kinds.named.patterns import FLAGGED, NAMED
from ccsproxy.redaction.kinds.phrases import BEFORE_NAMES, PHRASES, find_cookies, find_phrase
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.kinds.spoken import SPOKEN, end_of_word, find_spoken, is_separated, is_spoken
from ccsproxy.redaction.kinds.tables import find_column
from ccsproxy.redaction.search.data_runs import SHORTEST as SHORTEST_RUN
from ccsproxy.redaction.search.data_runs import data_runs
from ccsproxy.redaction.search.engine import PatternEngine, make_engine
from ccsproxy.redaction.search.finding import FoundSecret, disjoint
from ccsproxy.redaction.search.leftmost import LeftmostSearch
from ccsproxy.redaction.search.verdicts import WINDOW, Verdicts
from ccsproxy.redaction.search.view import ESCAPES, view_of

#: The parts of the pattern of everything that is searched for, in order, each with few states.
_PARTS = (
    "|".join((BEGINNINGS, TOKENS, MARKED)),
    NAMED,
    "|".join((FLAGGED, SCHEMED, USERS, PARAMETERS, PAIRS, PHRASES)),
    "|".join((ENCODED, ESCAPED, SPOKEN, SAID, ESCAPES)),
)
EXPRESSION = "|".join(_PARTS)
#: How many levels of encoding are decoded.
_DEEPEST = 2
#: How much text after an escape is searched with its escapes decoded.
_VIEWED = 2048


class Scanner:
    """Finds secrets in texts; keeps nothing of them."""

    def __init__(self, make: Callable[[bytes], PatternEngine] = make_engine) -> None:
        """Compile the pattern.

        :param make: creates the engine.
        """
        self._search = make(EXPRESSION.encode("latin-1")).search
        # For texts in which nearly every word is a match; see `LeftmostSearch`.
        self._dense = [make(part.encode("latin-1")).search for part in _PARTS]
        # One engine per kind: the states of a combined automaton on random letters are the product of theirs.
        self._in_data = [
            (make(expression.encode("latin-1")).search, judge)
            for expression, judge in ((TOKENS, _token), (MARKED, _marked), (ENCODED, find_encoded))
        ]

    def find(self, text: bytes, depth: int = 0) -> list[FoundSecret]:
        """Return the secrets in UTF-8 text, in order and disjoint.

        :param depth: how many levels of encoding have been decoded.
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
        """Search a range of a text, and return where to continue: at its end, or after a finding that extends
        beyond.
        """
        search, dense = self._search, False
        found = search(text, position, end) if position < end else None
        while found is not None:
            if not dense and verdicts.are_many(found[0]):
                search, dense = LeftmostSearch(self._dense, text, end).search, True
            if _ESCAPES.match(text, found[0]) is not None:
                # An escape hides letters from the pattern: only there is a second look worth its cost.
                position = self._through_view(text, found[0], depth, findings, verdicts)
            else:
                position = self._verdict(text, *found, depth, findings, verdicts)
            found = search(text, position, end) if position < end else None
        return max(position, end)

    def _find_in_data(self, text: bytes, start: int, end: int, depth: int) -> list[FoundSecret]:
        """Search the middle of a long run of base64 for tokens, and for base64 that encodes text."""
        findings: list[FoundSecret] = []
        for search, judge in self._in_data:
            verdicts = Verdicts()  # of one kind of secret, because where to continue depends on the kind
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
        """Search the text around an escape with escapes decoded, and return where to continue."""
        begin = max(escape - WINDOW, 0)
        view = view_of(text[begin : escape + _VIEWED])
        last = len(view) if escape + _VIEWED >= len(text) else len(view) - WINDOW
        position = min(begin, 1)  # one letter of context, so that the engine sees whether a word begins there
        # With the same automaton, whose states are cached; what looks like an escape here was escaped twice.
        search = self._search
        if verdicts.are_many(escape):
            search = LeftmostSearch(self._dense, view, len(view)).search
        found = search(view, position, len(view))
        while found is not None and found[0] < last:
            if _ESCAPES.match(view, found[0]) is not None and _ESCAPE.match(view, found[0]) is None:
                found = search(view, found[0] + 1, len(view))
                continue
            start, end = found[0] + begin, found[1] + begin
            position = self._verdict(text, start, end, depth, findings, verdicts, begin + last) - begin
            found = search(view, position, len(view)) if position < len(view) else None
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
        """Check a match, or use the cached verdict on an equal one, and return where to continue.

        :param last: where the searched range ends, if not with the text.
        """
        position = verdicts.known(text, start, end, findings, last or len(text))
        if position is None:
            before = len(findings)
            position = self._judge(text, start, end, depth, findings)
            verdicts.remember(start, position, findings[before:], before)
        return position

    def _judge(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Check a match, add the secrets in it, and return where to continue."""
        token_start = after_boundary(text, start)
        found = token_at(text, token_start)
        if found is not None:
            findings.append(found)
            findings += _secret_of_id(text, found)
            # Never backwards: continuing before the end of the match may find the same place for ever.
            return max(end, findings[-1].end)
        block = find_block(text, start) if text.startswith(_BLOCKS, start) else None
        if block is not None:
            findings += block
            return max(end, block[-1].end if block else end)
        return self._other(text, start, end, depth, findings)

    def _other(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Check a match that is neither a token nor a key file."""
        if is_spoken(text, start, end):
            end = end_of_word(text, start)  # what follows was part of the match, and may be a finding of its own
            column = find_column(text, start)
            if column:
                findings += column
                return end
            in_sentence = find_spoken(text, start, end)
            if in_sentence is not None:
                return _noted(in_sentence, end, findings)
            if not is_separated(text, end):
                return end
        first = text[start]
        if first in BEGINS and (said := find_said(text, start)) is not None:
            return _noted(said, end, findings)
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
            taken = find_flagged(text, start) or find_pair(text, start)
            if taken is not None:
                return _noted(taken, end, findings)
        named, position = find_named(text, behind)
        findings += named
        if position > behind:
            return position
        return self._unnamed(text, start, end, depth, findings)

    def _unnamed(self, text: bytes, start: int, end: int, depth: int, findings: list[FoundSecret]) -> int:
        """Check a match without a name."""
        for judge in (find_schemed, marked_at, find_pair):
            found = judge(text, start)
            if found is not None:
                return _noted(found, end, findings)
        phrases = find_phrase(text, start)
        if phrases:
            findings += phrases
            # The rows of a statement may hold further secrets in between.
            return end if text[start] in b"vV" else max(end, phrases[-1].end)
        found, position = find_encoded(text, start, self._deeper(depth))
        if found is None and (text[start + 1 : start + 2] == b"-" or text.startswith(_INTO_OTHERS, start)):
            return start + 1  # the match goes into what follows a flag or a command, which may be secret by itself
        return max(_noted(found, position, findings), end)

    def _deeper(self, depth: int) -> Callable[[bytes], list[FoundSecret]]:
        """Return the function that searches a decoded text."""
        return partial(self.find, depth=depth + 1) if depth < _DEEPEST else lambda _: []


#: How much at both ends of a long run of base64 is searched like any text: a name may precede it, and it may be a
#: value itself.
_EDGE = 512


def _token(text: bytes, start: int, deeper: Callable[[bytes], list[FoundSecret]]) -> tuple[FoundSecret | None, int]:
    """Check for a token at a position in data; see `find_encoded`."""
    start = after_boundary(text, start)
    return token_at(text, start), start + 1


def _marked(text: bytes, start: int, deeper: Callable[[bytes], list[FoundSecret]]) -> tuple[FoundSecret | None, int]:
    """Check for a token with a mark at a position in data; see `find_encoded`."""
    return marked_at(text, start), start + 1


#: What may precede a flag, and is part of the match.
_BEFORE_FLAG = b" \t\r\n\"'=,[+:>\x92"
_INTO_OTHERS = (b"<<<", b"echo", b"printf")
_BLOCKS = (b"----", b"PuTTY-")
_COLON, _BACKSLASH = ord(":"), 0x5C
_ESCAPE = re.compile(ESCAPED.encode())
_ESCAPES = re.compile(ESCAPES.encode())
#: The secret key that the AWS consoles print after its id.
_BEHIND_ID = re.compile(rb"[\"']?[,;\t |:]+[\"']?([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])")


def _noted(found: FoundSecret | None, otherwise: int, findings: list[FoundSecret]) -> int:
    """Add a finding, and return where to continue."""
    if found is None:
        return otherwise
    findings.append(found)
    return found.end


def _secret_of_id(text: bytes, found: FoundSecret) -> list[FoundSecret]:
    """Return the secret key that follows an access key id."""
    if found.kind != "aws-access-key-id":
        return []
    behind = _BEHIND_ID.match(text, found.end)
    if behind is None or not is_random(behind.group(1)):
        return []
    return [FoundSecret(*behind.span(1), "aws-secret-key", behind.group(1))]
