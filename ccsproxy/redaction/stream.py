"""Redacting the text of a stream, in which a secret may be cut into many events.

The text leaves of successive events that belong together (same path, same indexes) are a channel. A channel is
searched as one text, and what is found is taken out of the events that hold a piece of it, so that the redacted
stream reads into the redacted body. Events without secrets stay as they are, byte by byte.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ccsproxy.redaction.channels import WHOLE, Channel, head_of, position_of
from ccsproxy.redaction.pieces import Piece, ValuePiece, pieces_of
from ccsproxy.redaction.spans import PLACEHOLDER, Span, blanked, blanked_parts
from ccsproxy.redaction.tree import members

_SHORTEST_SECRET = 8
_LONGEST_NAME = 64
_MOST_NAMES = 1024

Leaf = tuple[Piece, Any, Any]


class StreamRedactor:
    """Redacts one stream; see the module.

    :ivar count: how many secrets were removed.
    :ivar changed: the pieces of the stream that held them.
    """

    def __init__(self, find: Callable[[str], list[Span]]) -> None:
        """Start a stream.

        :param find: returns where secrets stand in a text, as merged spans.
        """
        self.count = 0
        self.changed: list[Piece] = []
        self._find = find
        self._channels: dict[Channel, list[Leaf]] = {}
        self._names: dict[str, list[Span]] = {}

    def redact(self, text: str, kind: str) -> str:
        """Return the stream without its secrets; see `ccsproxy.redaction.pieces.pieces_of` for the kinds."""
        pieces = list(pieces_of(text, kind))
        self._redact(pieces)
        self.changed = [piece for piece in pieces if piece.changed]
        return "".join([piece.render() for piece in pieces])

    def redact_values(self, values: list[Any]) -> list[Any]:
        """Return events, or parts of such, without their secrets; they stay as they are themselves."""
        pieces = [ValuePiece(value) for value in values]
        self._redact(pieces)
        return [piece.root[0] for piece in pieces]

    def _redact(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.json:
                self._collect(piece)
            elif self._repeated(piece.root[0]):
                self._clean([(piece, piece.root, 0)])
            if len(piece.root) > 1:
                self._clean([(piece, piece.root, 1)])
        for leaves in self._channels.values():
            self._clean(leaves)

    def _collect(self, piece: Piece) -> None:
        """Sort the text leaves of an event into their channels; what stands under a secret key goes at once."""
        head, old, new = head_of(piece.root[0])
        stack: list[tuple[Any, Any, Channel, str, bool]] = [(piece.root, 0, (), "", False)]
        while stack:
            container, key, path, parent, secret = stack.pop()
            node = container[key]
            if isinstance(node, str):
                self._leaf((piece, container, key), (*head, *path), secret)
            elif isinstance(node, dict):
                self._names_of(node, piece)
                for name, child, hidden in members(node, parent, secret):
                    if isinstance(child, str | dict | list):
                        step = new if not path and name == old else name
                        stack.append((node, name, (*path, step), name, hidden))
            elif isinstance(node, list):
                for position, child in enumerate(node):
                    if isinstance(child, str | dict | list):
                        stack.append((node, position, (*path, position_of(child, position)), parent, secret))

    def _names_of(self, node: dict[str, Any], piece: Piece) -> None:
        """Take secrets out of the names of an object's members."""
        spans = {name: found for name in node if len(name) >= _SHORTEST_SECRET and (found := self._repeated(name))}
        if not spans:
            return
        members_now = [(blanked(name, spans.get(name, [])), value) for name, value in node.items()]
        node.clear()
        node.update(members_now)
        piece.changed = True
        self.count += len(spans)

    def _leaf(self, leaf: Leaf, channel: Channel, secret: bool) -> None:
        piece, container, key = leaf
        if secret:
            if container[key] not in ("", PLACEHOLDER):
                container[key] = PLACEHOLDER
                piece.changed = True
                self.count += 1
        elif key in WHOLE:
            if self._repeated(container[key]):
                self._clean([leaf])
        else:
            self._channels.setdefault(channel, []).append(leaf)

    def _clean(self, leaves: list[Leaf]) -> None:
        parts = [container[key] for _, container, key in leaves]
        spans = self._repeated(parts[0]) if len(parts) == 1 else self._find("".join(parts))
        if not spans:
            return
        self.count += len(spans)
        for (piece, container, key), old, new in zip(leaves, parts, blanked_parts(parts, spans), strict=True):
            if old != new:
                container[key] = new
                piece.changed = True

    def _repeated(self, text: str) -> list[Span]:
        """Search a text that stands by itself; short ones name events and are the same again and again."""
        if len(text) > _LONGEST_NAME:
            return self._find(text)
        spans = self._names.get(text)
        if spans is None:
            spans = self._find(text)
            if len(self._names) < _MOST_NAMES:
                self._names[text] = spans
        return spans
