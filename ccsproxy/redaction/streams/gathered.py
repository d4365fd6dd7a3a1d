"""Collects the texts of a stream without parsing it, which suffices to tell that it contains no secret.

The texts are those that `ccsproxy.redaction.streams.stream` searches, with the pieces of each channel joined. Events
that differ in one text only are handled together. If a stream is unusual in any way, nothing is collected, and it is
redacted event by event.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.streams.channels import WHOLE, Channel, head_of, position_of
from ccsproxy.redaction.streams.cut import read_cut_bytes
from ccsproxy.redaction.tree import NO_CLAIM, Claim, below, claim_of, element_claim, plain_key, searched, secret_in
from ccsproxy.wire.jsontext import JsonError, loads
from ccsproxy.wire.runs import TextRun, runs

_DONE = b"[DONE]"


class Unusual(Exception):
    """The stream has to be redacted event by event."""


def texts_of_stream(text: str, kind: str) -> Iterator[str]:
    """Return the texts of a stream, each of which is to be searched separately.

    :param kind: see `ccsproxy.redaction.streams.pieces.pieces_of`.
    :raises Unusual: if the texts cannot be found without parsing the stream, or some are secret by their key.
    """
    gathered = Gathered()
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unusual from None
    payloads = _sse_payloads(raw, gathered) if kind == "sse" else _lines(raw, kind)
    for part in runs(payloads):
        if isinstance(part, TextRun):
            gathered.run(part)
        elif payloads[part] and payloads[part] != _DONE:
            try:
                gathered.event(loads(payloads[part]))
            except JsonError:
                raise Unusual from None
    return gathered.all()


def _sse_payloads(raw: bytes, gathered: "Gathered") -> list[bytes]:
    """Return the data of events with one line of data and at most a name; collect the names."""
    *blocks, rest = raw.split(b"\n\n")
    if rest or b"\r" in raw:
        raise Unusual
    payloads, names = [], set()
    for block in blocks:
        if block[:5] != b"data:":
            name, _, block = block.partition(b"\n")
            names.add(name)
            if name[:6] != b"event:":
                raise Unusual
        if block[:5] != b"data:" or b"\n" in block:
            raise Unusual
        payloads.append(block[6:] if block[5:6] == b" " else block[5:])
    gathered.texts.update([name.decode("utf-8") for name in names])
    return payloads


def _lines(raw: bytes, kind: str) -> list[bytes]:
    if kind != "ndjson" or b"\r" in raw:
        raise Unusual
    return [line for line in raw.split(b"\n") if line]


class Gathered:
    """Collects the texts of a stream from its events.

    :ivar texts: independent texts.
    :ivar unusual: the stream has to be redacted event by event.
    """

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.unusual = False
        self._channels: dict[Channel, list[Any]] = {}
        self._names: set[str] = set()
        self._number = 0

    def event(self, value: Any) -> None:
        """Add the value of the next event, without keeping a reference to it."""
        self._number += 1
        self._value(self._number, value, None)

    def run(self, run: TextRun) -> None:
        """Add the next events, which differ in one text."""
        self._number += 1
        self._value(self._number, run.value, run)

    def names(self, names: set[str]) -> None:
        """Add names of events."""
        new = names - self._names
        if new:
            self._names |= new
            self.texts.update([f"event: {name}" for name in new])

    def cut(self, name: str, payload: bytearray) -> None:
        """Add an event that is not JSON, perhaps truncated, as `ccsproxy.redaction.streams.pieces` reads it.

        :param name: the line with its name, empty if there is none.
        :param payload: the data received, which is of no use afterwards.
        """
        self.texts.add(name)
        cut = read_cut_bytes(payload)
        if cut is None:
            self.texts.add(payload.decode("utf-8", "replace"))
        else:
            self.event(cut.value)
            self.texts.add(cut.rest)

    def all(self) -> Iterator[str]:
        """Return the texts.

        :raises Unusual: if they are not known.
        """
        if self.unusual:
            raise Unusual
        joined = (
            searched(channel[-1] if channel else None, "".join(parts))
            for channel, (_, parts) in self._channels.items()
        )
        return chain(self.texts, joined)

    def _value(self, number: int, root: Any, run: TextRun | None) -> None:
        """Sort the texts of one event, or of a run of events, as `ccsproxy.redaction.streams.stream` does."""
        head, old, new = head_of(root)
        if type(root) is str:
            self._leaf(number, [root], 0, head, run)
        waiting: list[tuple[Any, Channel, Claim]] = [(root, (), NO_CLAIM)]
        while waiting:
            node, path, claim = waiting.pop()
            if type(node) is dict:
                self.texts.update(node)
                for key, child in node.items():
                    kind = type(child)
                    if kind is not str and kind is not dict and kind is not list:
                        continue
                    own = claim if claim is NO_CLAIM and plain_key(key) else self._claim(node, key, claim, run)
                    step = new if key == old and not path else key
                    if kind is not str:
                        waiting.append((child, (*path, step), below(own, key) if kind is dict else own))
                    elif key in WHOLE:
                        self._whole(node, key, run)
                    elif child:
                        self._leaf(number, node, key, (*head, *path, step), run)
            elif type(node) is list:
                for place, child in enumerate(node):
                    inner = (*path, position_of(child, place))
                    if type(child) is str:
                        own = element_claim(node, place, claim)
                        self.unusual = self.unusual or secret_in(own, child, "") is not None
                        self._leaf(number, node, place, head + inner, run)
                    else:
                        waiting.append((child, inner, claim))

    def _claim(self, node: dict[str, Any], key: str, claim: Claim, run: TextRun | None) -> Claim:
        """Return what a member's key says; mark the stream unusual if its text is secret, or not known for each
        event.
        """
        own = claim_of(key, node, claim)
        child = node[key]
        if isinstance(child, str) and own[1] is not Strength.NONE:
            varies = run is not None and node is run.holder and key == run.key
            self.unusual = self.unusual or varies or secret_in(own, child, key) is not None
        return own

    def _whole(self, node: Any, key: str, run: TextRun | None) -> None:
        """Add a text that is independent in each event."""
        if run is not None and node is run.holder and key == run.key:
            self.unusual = True
        self.texts.add(node[key])

    def _leaf(self, number: int, node: Any, key: Any, channel: Channel, run: TextRun | None) -> None:
        """Add the next text of a channel, once per event of a run."""
        text = node[key]
        if run is not None and not (node is run.holder and key == run.key):
            text *= run.end - run.start
        entry = self._channels.get(channel)
        if entry is None:
            self._channels[channel] = [number, [text]]
        elif entry[0] == number:
            self.unusual = True  # two texts of one event in one channel: the joined text depends on their order
        else:
            entry[0] = number
            entry[1].append(text)
