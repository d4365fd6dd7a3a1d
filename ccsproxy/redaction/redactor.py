"""The redactor: nothing of an exchange is kept, shown or logged without passing through it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote, unquote_plus

from ccsproxy.redaction.clean_values import CleanValueCache
from ccsproxy.redaction.items import redact_items
from ccsproxy.redaction.kinds.named.names import secret_parameter
from ccsproxy.redaction.kinds.tags import FIRST_KIND, PLACEHOLDER
from ccsproxy.redaction.known_secrets import (
    SCHEME,
    KnownSecrets,
    credential_within,
    credentials_of,
    may_hold_credential,
)
from ccsproxy.redaction.multipart import fields
from ccsproxy.redaction.parameters import redact_parameters
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.search.finding import FoundSecret, disjoint
from ccsproxy.redaction.search.rules import Rules, default_rules
from ccsproxy.redaction.search.spans import blanked
from ccsproxy.redaction.second_pass import redact_twice
from ccsproxy.redaction.streams.gathered import Gathered, Unusual, texts_of_stream
from ccsproxy.redaction.streams.pieces import Piece, key_of
from ccsproxy.redaction.streams.stream import StreamRedactor
from ccsproxy.redaction.text_memory import TextMemory
from ccsproxy.redaction.tree import texts_of
from ccsproxy.redaction.walk import TreeRedactor
from ccsproxy.redaction.wire_text import text_of

Field = tuple[bytes, bytes] | tuple[str, str]
Pairs = list[tuple[str, str]]


class Redactor:
    """Removes the secrets of one exchange, from request and response.

    Values of secret headers, query parameters and form fields are remembered, and secrets found by their name, so
    that an echo of one in a body or an error message is removed, too: redact headers and target first.

    :ivar report: what was removed.
    """

    def __init__(
        self, enabled: bool = True, rules: Rules | None = None, clean_values: CleanValueCache | None = None
    ) -> None:
        """Start an exchange.

        :param enabled: false keeps everything (``--no-redact``).
        :param rules: how secrets are found; the built-in rules by default.
        :param clean_values: a cache of header lines, shared by all exchanges.
        """
        self._rules = rules or default_rules()
        self._clean_values = clean_values or CleanValueCache(self._rules)
        self.report = SecretReport()
        self._enabled = enabled
        self._known = KnownSecrets()
        self._clean: set[str] = set()
        self._clean_trees: list[Any] = []
        self._changed_events: list[Piece] = []

    @property
    def count(self) -> int:
        """The number of removed secrets."""
        return self.report.count

    def learn(self, value: str) -> None:
        """Remember a secret of this exchange; texts that were clean before are searched again."""
        if self._known.learn(value):
            self._clean, self._clean_trees = set(), []

    @property
    def known(self) -> int:
        """The number of secrets whose echoes are removed."""
        return len(self._known.all())

    def _learn_found(self, findings: Iterable[FoundSecret]) -> None:
        if self._known.learn_found(findings):
            self._clean, self._clean_trees = set(), []

    def headers(self, fields: Iterable[Field], where: str = "headers") -> list[tuple[str, str]]:
        """Return header lines as text, in order and with names as received, without secret values."""
        # Any: lines of bytes are decoded; cached ones are text already.
        lines: list[Any] = fields if isinstance(fields, list) else list(fields)
        # Most lines are cached as clean: these are searched only for echoes.
        new = self._clean_values.unknown(lines) if self._enabled else lines
        if any(field[0].__class__ is bytes for field in new):
            new = lines = [(text_of(name), text_of(value)) for name, value in lines]
        if not self._enabled:
            return lines
        if any(map(may_hold_credential, new)):
            without = [(name, self._within(name, value, where)) for name, value in lines]
            if without != lines:
                new = lines = without
        secret = self._clean_values.secret(new)
        for line in new if secret else ():
            if line in secret:
                for credential in credentials_of(*line):
                    self.learn(credential)
        return self._without_secret(lines, new, secret, where)

    def _without_secret(
        self, lines: Pairs, new: Pairs, secret: set[tuple[str, str]], where: str
    ) -> list[tuple[str, str]]:
        """Return header lines without secret values, and without what the rules find in the others.

        :param new: the lines that are not cached as clean.
        """
        others = [line[1] for line in lines if line not in secret]
        # Known secrets first: a value may be clean by the rules and still be an echo.
        clean = not self._known.maybe_within(others) and self._clean_values.are(
            [line for line in new if line not in secret]
        )
        if clean and not secret:
            return lines
        redact = (lambda value, _: value) if clean else self.text
        return [
            (name, (self.secret if (name, value) in secret else redact)(value, f"{where}.{name.lower()}"))
            for name, value in lines
        ]

    def target(self, target: bytes | str, where: str = "path") -> str:
        """Return a request target as text, without secret query parameters, user names and tokens."""
        text = text_of(target)
        if not self._enabled:
            return text
        path, mark, query = text.partition("?")
        user, at, host = path.rpartition("@")
        if at and not path.startswith("/") and "/" not in user:  # the authority form (RFC 9112, 3.2.3)
            path = f"{self.secret(user, where)}@{host}"
        return self.text(path, where) + mark + redact_parameters(self, query, unquote, where)

    def _within(self, name: str, value: str, where: str) -> str:
        """Return the value of a field without the credential that it contains."""
        span = credential_within(name, value)
        if span is None:
            return value
        start, end = span
        self.learn(value[start:end])
        return value[:start] + self.secret(value[start:end], f"{where}.{name.lower()}") + value[end:]

    def multipart(self, body: str, where: str = "body") -> str:
        """Return a ``multipart/form-data`` body as text, without secret fields."""
        if not self._enabled:
            return body
        parts, position = [], 0
        for name, start, end in fields(body):
            if start < end and secret_parameter(name):
                self.learn(body[start:end])
                parts += [body[position:start], self.secret(body[start:end], f"{where}.{name}")]
                position = end
        return self.text("".join([*parts, body[position:]]), where)

    def form(self, body: bytes | str, where: str = "body") -> str:
        """Return an ``application/x-www-form-urlencoded`` body as text, without secret fields."""
        return redact_parameters(self, text_of(body), unquote_plus, where) if self._enabled else text_of(body)

    def tree(self, value: Any, where: str = "body") -> Any:
        """Return a copy of a JSON value without the texts that are secret by their key or format.

        Lists of events in a reassembled body, beside the message, under names with an underscore, are redacted as
        events: a secret may continue from one into the next, and into what `stream` has searched, which runs first.
        """
        # By identity: comparing trees would cost more than searching them.
        if not self._enabled or any(value is each for each in self._clean_trees) or self._is_clean(value):
            return value
        return redact_twice(self, lambda: self._tree(value, where))

    def _tree(self, value: Any, where: str) -> Any:
        find, tagger = self.find, self._rules.tagger
        return TreeRedactor(find, tagger, self.report, self._listed, self._learn_found).redact(value, where)

    def items(self, body: dict[str, Any], where: str = "body") -> dict[str, Any] | None:
        """Return the result of `redact_items`; None if the body must be redacted as one tree."""
        memory = self._rules.known_items if self._enabled else None
        if memory is None:
            return None
        return redact_twice(self, lambda: redact_items(self, memory, tuple(self._known.all()), body, where))

    def look_ahead(self, trees: Iterable[Any], texts: Iterable[str]) -> None:
        """Search small JSON values and texts, which `tree` and `text` will get later, all at once.

        Each search has a fixed cost, and releases the interpreter lock. If none of them contains a secret, they are
        not searched again unless a secret is learned meanwhile; otherwise this has no effect.
        """
        if not self._enabled:
            return
        searched = [(value, texts_of(value)) for value in trees]
        found = set(texts).union(*(each for _, each in searched if each is not None))
        if self.holds_none(found):
            self._clean |= found
            self._clean_trees = [value for value, each in searched if each is not None]

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Tell quickly that no text contains a secret; false means that one may."""
        listed = [text for text in texts if text not in self._clean] if self._clean else list(texts)
        return not self._enabled or not listed or not (self._known.maybe_in(listed) or self._rules.may_hold(listed))

    def text(self, text: str, where: str = "text") -> str:
        """Return a text without its secrets."""
        if not self._enabled or text in self._clean:
            return text
        findings = self.find(text)
        if not findings:
            return text
        for each in findings:
            if each.secret:
                self.report.note(each.kind, where, self._rules.tagger.tag(each.secret))
        return blanked(text, findings, self._rules.tagger.placeholder)

    def binary(self, body: bytes, where: str = "body") -> bytes:
        """Return a binary body without the secrets that it contains as plain ASCII.

        A body with secrets in UTF-16 becomes empty.
        """
        if self._enabled and b"\0" in body and any(self.find(body[at::2].decode("latin-1")) for at in (0, 1)):
            self.report.note("utf-16", where, "")
            return b""
        text = body.decode("latin-1")
        # A form with a binary file still has text fields.
        clean = self.multipart(text, where) if "form-data" in text else self.text(text, where)
        return clean.encode("latin-1")

    def gathering(self) -> Gathered | None:
        """Return a collector for the events of a stream being decoded, so that `stream` need not parse them."""
        return Gathered() if self._enabled else None

    def stream(self, text: str, kind: str, gathered: Gathered | None = None, where: str = "stream") -> str:
        """Return the text of a stream without its secrets, including those split over several events.

        :param kind: ``sse``, ``ndjson`` or ``json`` (a streamed array); anything else is one plain text.
        :param gathered: has received all events of the text, if given.
        """
        if not self._enabled:
            return text
        self._changed_events = []
        if self._is_clean_stream(text, kind, gathered):
            return text
        return redact_twice(self, lambda: self._stream(text, kind, where))

    def _stream(self, text: str, kind: str, where: str) -> str:
        redactor = StreamRedactor(self.find, self._rules.tagger, where, self._learn_found)
        result = redactor.redact(text, kind)
        self.report.merge(redactor.report)
        self._changed_events = redactor.changed
        return result

    def find(self, text: str) -> list[FoundSecret]:
        """Return the secrets in a text, in order and disjoint."""
        findings = self._rules.find(text)
        if findings:
            self._learn_found(findings)
        echoes = self._known.echoes(text)
        return disjoint([*findings, *echoes]) if echoes else findings

    def _is_clean(self, value: Any) -> bool:
        """Tell whether a JSON value certainly contains no secrets; most do not."""
        texts = texts_of(value)
        return texts is not None and self.holds_none(texts)

    def _is_clean_stream(self, text: str, kind: str, gathered: Gathered | None = None) -> bool:
        """Tell whether a stream certainly contains no secrets, not even split ones; most do not."""
        try:
            texts = set(texts_of_stream(text, kind) if gathered is None else gathered.all())
        except Unusual:
            return False
        if not self.holds_none(texts):
            return False
        self._clean = texts
        return True

    def _listed(self, values: list[Any], where: str) -> list[Any]:
        """Redact events in a list."""
        seen = {piece.payload_key(): piece for piece in self._changed_events}
        known = [seen.get(key_of(value)) for value in values] if seen else [None] * len(values)
        redactor = StreamRedactor(self.find, self._rules.tagger, where, self._learn_found)
        clean = redactor.redact_values(values)
        self.report.merge(redactor.report)
        return [
            new if piece is None else piece.payload_now() if isinstance(new, str) else piece.root[0]
            for new, piece in zip(clean, known, strict=True)
        ]

    def secret(self, value: str, where: str) -> str:
        """Return the placeholder for a value that is secret by its name; an empty or redacted one stays."""
        if value == "" or value.startswith("<redacted"):
            return value
        match = SCHEME.match(value)
        plain = (match.group(1) if match else value).encode("utf-8", "surrogatepass")
        self.report.note(FIRST_KIND, where, self._rules.tagger.tag(plain))
        return PLACEHOLDER


def redactors(rules: Rules | None = None) -> Callable[[], Redactor]:
    """Return a factory of redactors, one per exchange, that share rules, text cache and header cache."""
    rules = rules or default_rules().with_memory(TextMemory())
    return partial(Redactor, True, rules, CleanValueCache(rules))
