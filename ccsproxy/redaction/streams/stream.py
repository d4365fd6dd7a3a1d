"""Redacts the text of a stream, in which a secret may be split over many events.

The text leaves of successive events that belong together (same path, same indexes) form a channel. A channel is
searched as one text, and a secret is removed from every event that contains a part of it, so that decoding the
redacted stream yields the redacted body. Events without secrets are kept byte for byte.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ccsproxy.redaction.kinds.tags import Tagger
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.search.finding import FoundSecret
from ccsproxy.redaction.search.spans import blanked, blanked_parts
from ccsproxy.redaction.streams.channels import WHOLE, Channel, head_of, position_of
from ccsproxy.redaction.streams.pieces import Piece, ValuePiece, pieces_of
from ccsproxy.redaction.tree import NO_CLAIM, Claim, below, claim_of, element_claim, is_data, secret_in
from ccsproxy.redaction.walk import findings_in

_SHORTEST_SECRET = 8
_LONGEST_NAME = 64
_MOST_NAMES = 1024

Leaf = tuple[Piece, Any, Any]


class StreamRedactor:
    """Redacts one stream; see the module.

    :ivar report: the removed secrets.
    :ivar changed: the pieces of the stream that contained them.
    """

    def __init__(
        self,
        find: Callable[[str], list[FoundSecret]],
        tagger: Tagger,
        where: str,
        learn: Callable[[list[FoundSecret]], None] = lambda _: None,
    ) -> None:
        """Start a stream.

        :param find: returns the secrets in a text, in order and disjoint.
        :param where: how the stream is named in the report.
        :param learn: is told what was found, also by the name of a member.
        """
        self.report = SecretReport()
        self.changed: list[Piece] = []
        self._find, self._tagger, self._where, self._learn = find, tagger, where, learn
        self._channels: dict[Channel, list[Leaf]] = {}
        self._names: dict[str, list[FoundSecret]] = {}

    def redact(self, text: str, kind: str) -> str:
        """Return the stream without its secrets; see `ccsproxy.redaction.streams.pieces.pieces_of` for the kinds."""
        pieces = list(pieces_of(text, kind))
        self._redact(pieces)
        self.changed = [piece for piece in pieces if piece.changed]
        return "".join([piece.render() for piece in pieces])

    def redact_values(self, values: list[Any]) -> list[Any]:
        """Return events, or parts of events, without their secrets; the arguments are not changed."""
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
        for channel, leaves in self._channels.items():
            self._clean(leaves, channel)

    def _collect(self, piece: Piece) -> None:
        """Assign the text leaves of an event to their channels; values under secret keys are removed immediately."""
        head, old, new = head_of(piece.root[0])
        stack: list[tuple[Any, Any, Channel, Claim]] = [(piece.root, 0, (), NO_CLAIM)]
        while stack:
            container, key, path, claim = stack.pop()
            node = container[key]
            if isinstance(node, str):
                self._leaf((piece, container, key), (*head, *path), claim)
            elif isinstance(node, dict):
                self._names_of(node, piece)
                for name, child in node.items():
                    if isinstance(child, str | dict | list):
                        own = claim_of(name, node, claim)
                        step = new if not path and name == old else name
                        stack.append(
                            (node, name, (*path, step), below(own, name) if isinstance(child, dict) else own)
                        )
            elif isinstance(node, list):
                for position, child in enumerate(node):
                    if isinstance(child, str | dict | list):
                        own = element_claim(node, position, claim) if isinstance(child, str) else claim
                        stack.append((node, position, (*path, position_of(child, position)), own))

    def _names_of(self, node: dict[str, Any], piece: Piece) -> None:
        """Remove secrets from the names of an object's members."""
        spans = {name: found for name in node if len(name) >= _SHORTEST_SECRET and (found := self._repeated(name))}
        if not spans:
            return
        write = self._tagger.placeholder
        members_now = [(blanked(name, spans.get(name, []), write), value) for name, value in node.items()]
        node.clear()
        node.update(members_now)
        piece.changed = True
        for found in spans.values():
            self._note(found, ())

    def _leaf(self, leaf: Leaf, channel: Channel, claim: Claim) -> None:
        piece, container, key = leaf
        if secret_in(claim, container[key], key if isinstance(key, str) else "") is not None:
            found = findings_in(self._find, container[key], key, claim)
            container[key] = blanked(container[key], found, self._tagger.placeholder)
            piece.changed = True
            self._note(found, channel)
        elif key in WHOLE:
            if self._repeated(container[key]):
                self._clean([leaf], channel)
        else:
            self._channels.setdefault(channel, []).append(leaf)

    def _clean(self, leaves: list[Leaf], channel: Channel = ()) -> None:
        parts = [container[key] for _, container, key in leaves]
        joined = parts[0] if len(parts) == 1 else "".join(parts)
        found = self._repeated(joined) if len(parts) == 1 else self._find(joined)
        if found and is_data(leaves[0][2], joined):
            found = [each for each in found if each.start == 0]
        if not found:
            return
        self._note(found, channel)
        cleaned = blanked_parts(parts, found, self._tagger.placeholder)
        for (piece, container, key), old, new in zip(leaves, parts, cleaned, strict=True):
            if old != new:
                container[key] = new
                piece.changed = True

    def _note(self, found: list[FoundSecret], channel: Channel) -> None:
        """Report findings under the path of their channel."""
        place = "".join(
            f"[{step[1]}]" if isinstance(step, tuple) and step[0] in ("position", "index") else f".{step}"
            for step in channel
            if not isinstance(step, tuple) or step[0] in ("position", "index")
        )
        self._learn(found)
        for each in found:
            if each.secret:
                self.report.note(each.kind, self._where + place.replace(".None", ""), self._tagger.tag(each.secret))

    def _repeated(self, text: str) -> list[FoundSecret]:
        """Search an independent text; short ones are event names, which repeat, so their results are cached."""
        if len(text) > _LONGEST_NAME:
            return self._find(text)
        spans = self._names.get(text)
        if spans is None:
            spans = self._find(text)
            if len(self._names) < _MOST_NAMES:
                self._names[text] = spans
        return spans
