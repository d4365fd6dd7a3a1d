"""The rules that find secrets, with the tag key; one instance per recorder."""

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

#: The length of the shortest secret that the built-in rules find.
_SHORTEST = 6
#: Short texts are joined for the search; large numbers of them in batches of about this size, each cached as one
#: text.
_TOGETHER, _MANY = 4 << 10, 8 << 10
#: The separator between joined texts: it ends every word, quoted value, URL and sentence.
_BETWEEN = "\n\x1e\n"
_OWN_KIND = "own-pattern"
_MATCHES_NOTHING = "matches the empty text"


class Rules:
    """Finds secrets in texts by the built-in rules and by the user's own.

    It keeps nothing but compiled patterns and, if given one, a cache of texts shared by all exchanges.
    """

    def __init__(
        self, tagger: Tagger | None = None, patterns: Sequence[str] = (), keep: Sequence[str] = (),
        scanner: Scanner | None = None, memory: TextMemory | None = None,
    ) -> None:  # fmt: skip
        """Compile the user's patterns.

        :param patterns: patterns of further secrets (``--redact-pattern``).
        :param keep: patterns of non-secrets (``--keep-pattern``): a finding that is fully matched by one is
        kept.
        :param memory: a cache of texts, so that each is searched once.
        :raises ValueError: if a pattern is invalid.
        """
        self.tagger = tagger or Tagger()
        self._scanner = scanner or Scanner()
        self._own = [own_pattern(each) for each in patterns]
        self._keep = [make_engine(b"^(?:%b)$" % own_text(each)) for each in keep]
        self._memory = memory

    def with_memory(self, memory: TextMemory) -> "Rules":
        """Return the same rules with a cache of texts."""
        same = copy(self)
        same._memory = memory
        return same

    @property
    def known_items(self) -> ItemMemory | None:
        """The cache of conversation items searched by these rules, None without a cache."""
        return self._memory.items if self._memory is not None else None

    def find(self, text: str) -> list[FoundSecret]:
        """Return the secrets in a text, in order and disjoint; positions count characters."""
        if len(text) < (1 if self._own else _SHORTEST):
            return []
        findings = self._find_once(text)
        if not findings or text.isascii():
            return findings
        return in_letters(text.encode("utf-8", "surrogatepass"), findings)

    def _find_once(self, text: str) -> list[FoundSecret]:
        """Search a text, using the cache; positions count bytes."""
        if self._memory is None or len(text) < SHORTEST:
            return self.find_in(text.encode("utf-8", "surrogatepass"))
        name = self._memory.hash_of(text)
        findings = self._memory.known(name)
        # Agents send the same texts with every call: in a conversation of 100 turns each text is searched once.
        if findings is None:
            findings = self.find_in(text.encode("utf-8", "surrogatepass"))
            self._memory.remember(name, findings)
        return findings

    def find_in(self, raw: bytes) -> list[FoundSecret]:
        """Return the secrets in UTF-8 text."""
        findings = self._scanner.find(raw)
        for engine in self._own:
            findings += _matches(engine, raw)
        if self._keep and findings:
            findings = [each for each in findings if not self._is_kept(raw[each.start : each.end])]
        return disjoint(findings) if self._own else findings

    def may_hold(self, texts: Iterable[str]) -> bool:
        """Tell whether any text may contain a secret; false only if `find` finds nothing in each of them.

        Short texts hit the cache if most of them come in the same order, as those of tools and conversations
        do.
        """
        short: list[str] = []
        for text in texts:
            # Searching a short text is cheaper than caching it.
            if len(text) < SHORTEST:
                short.append(text)
            elif self._find_once(text):
                return True
        # Anchors in a user's pattern apply to each text by itself.
        if self._own and any(map(self.find, short)):
            return True
        find = self._find_once if sum(map(len, short)) > _MANY else self._find_now
        return any(map(find, batches(short)))

    def _find_now(self, text: str) -> list[FoundSecret]:
        return self.find_in(text.encode("utf-8", "surrogatepass"))

    def _is_kept(self, secret: bytes) -> bool:
        return any(each.search(secret, 0, len(secret)) == (0, len(secret)) for each in self._keep)


_default: list[Rules] = []


def default_rules() -> Rules:
    """Return the built-in rules, compiled on first use, with a key that is lost with the process."""
    if not _default:
        _default.append(Rules())
    return _default[0]


def own_text(pattern: str) -> bytes:
    """Return a user's pattern in the form that the engines accept.

    :raises ValueError: with a description of the error.
    """
    text = pattern.encode("utf-8")
    try:
        with warnings.catch_warnings():
            # Warnings about syntax whose meaning may change, such as POSIX classes, which RE2 supports already.
            warnings.simplefilter("ignore", FutureWarning)
            if re.compile(text).search(b"") is not None:
                raise ValueError(_MATCHES_NOTHING)
    except re.error as reason:
        raise ValueError(str(reason)) from None
    return text


def own_pattern(pattern: str) -> PatternEngine:
    """Compile a user's pattern.

    :raises ValueError: with a description of the error: the pattern is invalid, matches everywhere, or needs
        look-around, which no linear-time engine supports.
    """
    return make_engine(own_text(pattern))


def _matches(engine: PatternEngine, raw: bytes) -> Iterator[FoundSecret]:
    position = 0
    # A user's pattern may match our own placeholders: redacting them again would change their content.
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
    """Join short texts for the search: a few into one, many into batches with stable beginnings."""
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
