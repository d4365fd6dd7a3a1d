"""The rules that find secrets, and the key of their tags; one of each per recorder."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from copy import copy

from ccsproxy.redaction.item_memory import ItemMemory
from ccsproxy.redaction.kinds.tags import Tagger
from ccsproxy.redaction.search.engine import PatternEngine, make_engine
from ccsproxy.redaction.search.finding import FoundSecret, disjoint
from ccsproxy.redaction.search.scanner import Scanner
from ccsproxy.redaction.search.spans import in_letters
from ccsproxy.redaction.text_memory import SHORTEST, TextMemory

#: No secret is known by less.
_SHORTEST = 6
#: Short texts are looked at together; many of them about so many letters at once, which are remembered as one text.
_TOGETHER, _MANY = 4 << 10, 8 << 10
#: What stands between two texts: it ends every word, quoted value, address and sentence.
_BETWEEN = "\n\x1e\n"
_OWN_KIND = "own-pattern"
_MATCHES_NOTHING = "matches the empty text"


class Rules:
    """Finds secrets in texts by the built-in rules and by the user's own.

    It keeps nothing but compiled expressions and, where it is given one, a memory of texts: one for all exchanges.
    """

    def __init__(
        self, tagger: Tagger | None = None, patterns: Sequence[str] = (), keep: Sequence[str] = (),
        scanner: Scanner | None = None, memory: TextMemory | None = None,
    ) -> None:  # fmt: skip
        """Take the user's own patterns.

        :param patterns: expressions of further secrets (``--redact-pattern``).
        :param keep: expressions of what is none (``--keep-pattern``): a finding that one matches whole stays.
        :param memory: remembers texts, so that each is searched once.
        :raises ValueError: when an expression is none.
        """
        self.tagger = tagger or Tagger()
        self._scanner = scanner or Scanner()
        self._own = [own_pattern(each) for each in patterns]
        self._keep = [make_engine(b"^(?:%b)$" % own_text(each)) for each in keep]
        self._memory = memory

    def with_memory(self, memory: TextMemory) -> "Rules":
        """Return the same rules with a memory of texts."""
        same = copy(self)
        same._memory = memory
        return same

    @property
    def known_items(self) -> ItemMemory | None:
        """The items of conversations that were searched by these rules, None where nothing is remembered."""
        return self._memory.items if self._memory is not None else None

    def find(self, text: str) -> list[FoundSecret]:
        """Return the secrets in a text, in order and disjoint, their places counted in letters."""
        if len(text) < (1 if self._own else _SHORTEST):
            return []
        findings = self._find_once(text)
        if not findings or text.isascii():
            return findings
        return in_letters(text.encode("utf-8", "surrogatepass"), findings)

    def _find_once(self, text: str) -> list[FoundSecret]:
        """Search a text that is not known; places are counted in bytes."""
        if self._memory is None or len(text) < SHORTEST:
            return self.find_in(text.encode("utf-8", "surrogatepass"))
        name = self._memory.hash_of(text)
        findings = self._memory.known(name)
        # Agents send the same texts with every turn: of a conversation of 100 turns each text is searched once.
        if findings is None:
            findings = self.find_in(text.encode("utf-8", "surrogatepass"))
            self._memory.remember(name, findings)
        return findings

    def find_in(self, raw: bytes) -> list[FoundSecret]:
        """Return the secrets in a text in UTF-8."""
        findings = self._scanner.find(raw)
        for engine in self._own:
            findings += _matches(engine, raw)
        if self._keep and findings:
            findings = [each for each in findings if not self._is_kept(raw[each.start : each.end])]
        return disjoint(findings) if self._own else findings

    def may_hold(self, texts: Iterable[str]) -> bool:
        """Tell whether one of some texts may hold a secret; false only where `find` finds nothing in each of them.

        Short ones are known again where most of them come in the same order: those of tools, and of a conversation.
        """
        short: list[str] = []
        for text in texts:
            # Short texts are cheaper to search than to remember.
            if len(text) < SHORTEST:
                short.append(text)
            elif self._find_once(text):
                return True
        # What a user's expression says of the beginning and the end of a text holds of each by itself.
        if self._own and any(map(self.find, short)):
            return True
        find = self._find_once if sum(map(len, short)) > _MANY else self._find_now
        return any(map(find, batches(short)))

    def _find_now(self, text: str) -> list[FoundSecret]:
        return self.find_in(text.encode("utf-8", "surrogatepass"))

    def _is_kept(self, secret: bytes) -> bool:
        return any(each.search(secret, 0, len(secret)) == (0, len(secret)) for each in self._keep)


def own_text(pattern: str) -> bytes:
    """Return a user's expression as the engines read it.

    :raises ValueError: with what is wrong with it.
    """
    text = pattern.encode("utf-8")
    try:
        with warnings.catch_warnings():
            # It warns of what may mean something else one day, such as a class of POSIX, which RE2 reads already.
            warnings.simplefilter("ignore", FutureWarning)
            if re.compile(text).search(b"") is not None:
                raise ValueError(_MATCHES_NOTHING)
    except re.error as reason:
        raise ValueError(str(reason)) from None
    return text


def own_pattern(pattern: str) -> PatternEngine:
    """Compile a user's expression.

    :raises ValueError: with what is wrong with it: it is none, it would match everywhere, or it needs to look around,
        which no engine does that takes the same time for every text.
    """
    return make_engine(own_text(pattern))


def _matches(engine: PatternEngine, raw: bytes) -> Iterator[FoundSecret]:
    position = 0
    # A user's expression may match our own placeholders: redacting them again would change what they say.
    for placeholder in (*_PLACEHOLDER.finditer(raw), None):
        last = len(raw) if placeholder is None else placeholder.start()
        while position < last and (found := engine.search(raw, position, last)) is not None:
            start, end = found
            if end > start:
                yield FoundSecret(start, end, _OWN_KIND, raw[start:end])
            position = max(end, start + 1)
        position = last if placeholder is None else placeholder.end()


_PLACEHOLDER = re.compile(rb"<redacted(?::[A-Za-z0-9-]{1,40}:[0-9a-f]{4,8})?>")


def batches(texts: Sequence[str]) -> Iterator[str]:
    """Join short texts, so that they are looked at together: few in one piece, many in pieces that begin alike."""
    if sum(map(len, texts)) <= _MANY:
        if texts:
            yield _BETWEEN.join(texts)
        return
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _TOGETHER:
            yield _BETWEEN.join(batch)
            batch, size = [], 0
    if batch:
        yield _BETWEEN.join(batch)
