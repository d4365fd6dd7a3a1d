"""The one choke point: nothing of an exchange is kept, shown or logged that did not go through its redactor."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import compress
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from ccsproxy.redaction.gathered import Gathered, Unusual, texts_of_stream
from ccsproxy.redaction.harmless import Harmless
from ccsproxy.redaction.members import find_members
from ccsproxy.redaction.names import secret_field, secret_header, secret_parameter
from ccsproxy.redaction.pieces import Piece, key_of
from ccsproxy.redaction.shapes import find_shapes
from ccsproxy.redaction.sieve import suspicious
from ccsproxy.redaction.spans import PLACEHOLDER, Span, blanked, merged
from ccsproxy.redaction.stream import StreamRedactor
from ccsproxy.redaction.tree import members, texts_of

Field = tuple[bytes, bytes] | tuple[str, str]

#: Shorter values occur in ordinary text; cookies must be longer still, since many are words.
_SHORTEST_KNOWN = 8
_SHORTEST_COOKIE = 16
_MOST_KNOWN = 64
#: What people write where a key is asked for and none is needed; no secret, and found in ordinary text.
_DUMMIES = frozenset({"lm-studio", "not-needed", "dummy-key", "anything", "undefined", "placeholder", "anthropic"})
#: No secret is found by its shape, and no member with a secret key fits, in less.
_SHORTEST_TEXT = 8
#: From this length on it pays to tell first whether there is anything to find.
_LONG_TEXT = 128
_SCHEME = re.compile(r"\A(?:Bearer|Basic|Token|ApiKey|Negotiate|DPoP)\s+(\S+)\s*\Z", re.IGNORECASE)
_PARAMETER = re.compile(r"[^&;]+")


class Redactor:
    """Removes the secrets of one exchange, request and answer alike.

    What stands in a secret header, query parameter or form field is remembered, so that an echo of it in a body or an
    error text goes too: headers and target should come first.

    :ivar count: how many secrets were removed.
    """

    def __init__(self, enabled: bool = True, harmless: Harmless | None = None) -> None:
        """Start an exchange.

        :param enabled: false keeps everything (``--no-redact``).
        :param harmless: remembers values of header fields from one exchange to the next.
        """
        self._harmless = harmless or Harmless()
        self.count = 0
        self._enabled = enabled
        self._known: list[str] = []
        self._clean: set[str] = set()
        self._changed_events: list[Piece] = []

    def learn(self, value: str) -> None:
        """Remember a secret of this exchange; short values are not, they would be found everywhere."""
        if len(value) < _SHORTEST_KNOWN or value.lower() in _DUMMIES or value == PLACEHOLDER:
            return
        for form in dict.fromkeys((value, quote(value, safe=""), value.replace("/", "\\/"))):
            if form not in self._known and len(self._known) < _MOST_KNOWN:
                self._known.append(form)
                self._clean = set()

    def headers(self, fields: Iterable[Field]) -> list[tuple[str, str]]:
        """Return header lines as text, in order and as spelled, without secret values."""
        lines = [field if isinstance(field[0], str) else (_text(field[0]), _text(field[1])) for field in fields]
        if not self._enabled:
            return lines
        secret = [secret_header(name) and secret_field(name, value) for name, value in lines]
        for name, value in compress(lines, secret):
            self._learn_field(name, value)
        others = [value for (_, value), hidden in zip(lines, secret, strict=True) if not hidden]
        clean = self._harmless.are(others, self._known)
        if clean and len(others) == len(lines):
            return fields if lines == fields else lines
        return [
            (line[0], self._secret(line[1])) if hidden else line if clean else (line[0], self.text(line[1]))
            for line, hidden in zip(lines, secret, strict=True)
        ]

    def target(self, target: bytes | str) -> str:
        """Return a request target as text, without secret query parameters, user names and tokens."""
        text = _text(target)
        if not self._enabled:
            return text
        path, mark, query = text.partition("?")
        user, at, host = path.rpartition("@")
        if at and not path.startswith("/") and "/" not in user:  # the authority form (RFC 9112, 3.2.3)
            path = f"{self._secret(user)}@{host}"
        return self.text(path) + mark + self._parameters(query, unquote)

    def form(self, body: bytes | str) -> str:
        """Return an ``application/x-www-form-urlencoded`` body as text, without secret fields."""
        return self._parameters(_text(body), unquote_plus) if self._enabled else _text(body)

    def tree(self, value: Any) -> Any:
        """Return a JSON value without the texts that are secret by their key or shape; the value stays as it is.

        What a reassembled body has in lists beside the message, under names with an underscore, is redacted as the
        events that it was: a secret may go on from one into the next, and into what `stream`, which comes first,
        has seen.
        """
        return self._tree(value) if self._enabled and not self._is_clean(value) else value

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Tell quickly that some texts hold no secrets; where it says false, they may."""
        return not self._enabled or not suspicious(texts, self._known)

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        if not self._enabled:
            return text
        spans = self.find(text)
        if not spans:
            return text
        self.count += len(spans)
        return blanked(text, spans)

    def binary(self, body: bytes) -> bytes:
        """Return a body that is no text without the secrets that stand in it as plain ASCII.

        A body with secrets in UTF-16 becomes empty.
        """
        if self._enabled and b"\0" in body and any(self.find(body[at::2].decode("latin-1")) for at in (0, 1)):
            self.count += 1
            return b""
        return self.text(body.decode("latin-1")).encode("latin-1")

    def gathering(self) -> Gathered | None:
        """Return who may look at the events of a stream while they are read, so that `stream` need not read them."""
        return Gathered() if self._enabled else None

    def stream(self, text: str, kind: str, gathered: Gathered | None = None) -> str:
        """Return the text of a stream without its secrets, those included that are cut into several events.

        :param kind: ``sse``, ``ndjson`` or ``json`` (a streamed array); anything else is one plain text.
        :param gathered: all events of the text, if they have been shown to it as they stand there.
        """
        if not self._enabled:
            return text
        self._changed_events = []
        if self._is_clean_stream(text, kind, gathered):
            return text
        redactor = StreamRedactor(self.find)
        result = redactor.redact(text, kind)
        self.count += redactor.count
        self._changed_events = redactor.changed
        return result

    def find(self, text: str) -> list[Span]:
        """Return where secrets stand in a text, in order and without overlap."""
        if len(text) < _SHORTEST_TEXT or (len(text) >= _LONG_TEXT and not suspicious((text,), self._known)):
            return []
        return self._search(text)

    def _search(self, text: str) -> list[Span]:
        spans = find_shapes(text)
        spans.extend(find_members(text))
        for known in self._known:
            spans.extend(_occurrences(text, known))
        return merged(text, spans) if spans else spans

    def _is_clean(self, value: Any) -> bool:
        """Whether a JSON value surely has no secrets; most have none."""
        texts = texts_of(value)
        return texts is not None and not suspicious(texts - self._clean, self._known)

    def _is_clean_stream(self, text: str, kind: str, gathered: Gathered | None = None) -> bool:
        """Whether a stream surely has no secrets, none in pieces either; most have none."""
        try:
            texts = set(texts_of_stream(text, kind) if gathered is None else gathered.all())
        except Unusual:
            return False
        if suspicious(texts, self._known):
            return False
        self._clean = texts
        return True

    def _tree(self, value: Any) -> Any:
        """Redact a tree, however deep it is."""
        root = [value]
        waiting: list[tuple[Any, Any, Any, str, bool]] = [(root, 0, value, "", False)]
        while waiting:
            into, at, node, parent, secret = waiting.pop()
            if isinstance(node, str):
                into[at] = self._secret(node) if secret else self.text(node)
            elif isinstance(node, dict):
                into[at] = copy = {}
                for key, child, hidden in members(node, parent, secret):
                    name = self.text(key)
                    if key[:1] == "_" and isinstance(child, list) and child:
                        child = self._listed(child)
                    copy[name] = child
                    if isinstance(child, str | dict | list):
                        waiting.append((copy, name, child, key, hidden))
            elif isinstance(node, list):
                into[at] = listed = list(node)
                waiting.extend(
                    (listed, place, child, parent, secret)
                    for place, child in enumerate(node)
                    if isinstance(child, str | dict | list)
                )
        return root[0]

    def _listed(self, values: list[Any]) -> list[Any]:
        """Redact events that stand in a list."""
        seen = {piece.payload_key(): piece for piece in self._changed_events}
        known = [seen.get(key_of(value)) for value in values] if seen else [None] * len(values)
        redactor = StreamRedactor(self.find)
        clean = redactor.redact_values(values)
        self.count += redactor.count
        return [
            new if piece is None else piece.payload_now() if isinstance(new, str) else piece.root[0]
            for new, piece in zip(clean, known, strict=True)
        ]

    def _secret(self, value: str) -> str:
        if value in ("", PLACEHOLDER):
            return value
        self.count += 1
        return PLACEHOLDER

    def _learn_field(self, name: str, value: str) -> None:
        """Remember what a secret header holds: the credentials without their scheme, each cookie by itself."""
        if name.lower() in ("cookie", "set-cookie"):
            for part in value.split(";"):
                cookie = part.partition("=")[2].strip()
                if len(cookie) >= _SHORTEST_COOKIE:
                    self.learn(cookie)
            return
        match = _SCHEME.match(value)
        self.learn(match.group(1) if match else value.strip())
        if match:
            self.learn(_password(match.group(1)))

    def _parameters(self, query: str, decode: Callable[[str], str]) -> str:
        """Redact the values of secret parameters; others are searched as they are and as they decode."""
        for parameter in _PARAMETER.findall(query):
            name, _, value = parameter.partition("=")
            if value and secret_parameter(decode(name)):
                self.learn(decode(value))
                self.learn(value)
        return _PARAMETER.sub(lambda match: self._parameter(match.group(), decode), query)

    def _parameter(self, parameter: str, decode: Callable[[str], str]) -> str:
        name, equals, value = parameter.partition("=")
        if not equals:
            return self.text(parameter)
        if secret_parameter(decode(name)) or ("%" in value and self.find(decode(value))):
            return f"{name}={self._secret(value)}"
        return f"{self.text(name)}={self.text(value)}"


def _occurrences(text: str, known: str) -> Iterator[Span]:
    """Yield where a known secret stands in a text, and where its beginning stands at the end of a cut one."""
    end = 0
    while (start := text.find(known, end)) >= 0:
        end = start + len(known)
        yield start, end
    start = text.find(known[:_SHORTEST_KNOWN], max(end, len(text) - len(known)))
    if start >= 0 and known.startswith(text[start:]):
        yield start, len(text)


def _text(value: bytes | str) -> str:
    """Return the text of a field or target: UTF-8 where it is that, else one letter a byte."""
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _password(credentials: str) -> str:
    """Return the password of Basic credentials (RFC 7617), empty where they hold none."""
    try:
        return b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except (Base64Error, ValueError):
        return ""


def redactors() -> Callable[[], Redactor]:
    """Return what makes a redactor for each exchange, all of which know the same harmless values of headers."""
    return partial(Redactor, True, Harmless())
