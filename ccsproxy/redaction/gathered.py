"""The texts of a stream, gathered without taking it apart: enough to tell that it holds no secret.

The texts are those that `ccsproxy.redaction.stream` searches, the pieces of each channel joined. Events that differ
in one text only are read at once. Where a stream is unusual in any way nothing is gathered, and it is redacted event
by event.
"""

from collections.abc import Iterator
from typing import Any

from ccsproxy.redaction.channels import WHOLE, Channel, head_of, position_of
from ccsproxy.redaction.tree import is_secret, plain_key
from ccsproxy.wire.jsontext import JsonError, loads
from ccsproxy.wire.runs import Run, runs

_DONE = b"[DONE]"


class Unusual(Exception):
    """The stream has to be redacted event by event."""


def texts_of_stream(text: str, kind: str) -> Iterator[str]:
    """Return the texts of a stream, each of which is to be searched by itself.

    :param kind: see `ccsproxy.redaction.pieces.pieces_of`.
    :raises Unusual: when the stream has to be taken apart to know them, or has texts that are secret by their key.
    """
    gathered = _Gathered()
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unusual from None
    gathered.take(_sse_payloads(raw, gathered.texts) if kind == "sse" else _lines(raw, kind))
    yield from gathered.texts
    for _, parts in gathered.channels.values():
        yield "".join(parts)


def _sse_payloads(raw: bytes, texts: set[str]) -> list[bytes]:
    """Return the data of events that are a name and one line of data, or only the latter; note the names."""
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
    texts.update([name.decode("utf-8") for name in names])
    return payloads


def _lines(raw: bytes, kind: str) -> list[bytes]:
    if kind != "ndjson" or b"\r" in raw:
        raise Unusual
    return [line for line in raw.split(b"\n") if line]


class _Gathered:
    """Collects.

    :ivar texts: what stands by itself.
    :ivar channels: by channel, the last event that it had a text in, and its texts.
    """

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.channels: dict[Channel, list[Any]] = {}

    def take(self, payloads: list[bytes]) -> None:
        """Take the events of a stream."""
        for number, part in enumerate(runs(payloads)):
            if isinstance(part, Run):
                self._value(number, part.value, part)
            elif payloads[part] and payloads[part] != _DONE:
                try:
                    self._value(number, loads(payloads[part]), None)
                except JsonError:
                    raise Unusual from None

    def _value(self, number: int, root: Any, run: Run | None) -> None:
        """Sort the texts of one event, or of a run of them, as `ccsproxy.redaction.stream` does."""
        head, old, new = head_of(root)
        if type(root) is str:
            self._leaf(number, [root], 0, head, run)
        waiting: list[tuple[Any, Channel, str]] = [(root, (), "")]
        while waiting:
            node, path, parent = waiting.pop()
            if type(node) is dict:
                self.texts.update(node)
                for key, child in node.items():
                    kind = type(child)
                    if kind is not str and kind is not dict and kind is not list:
                        continue
                    if not plain_key(key) and is_secret(key, child, node, parent):
                        raise Unusual
                    step = new if key == old and not path else key
                    if kind is not str:
                        waiting.append((child, (*path, step), key))
                    elif key in WHOLE:
                        self._whole(node, key, run)
                    elif child:
                        self._leaf(number, node, key, (*head, *path, step), run)
            elif type(node) is list:
                for place, child in enumerate(node):
                    inner = (*path, position_of(child, place))
                    if type(child) is str:
                        self._leaf(number, node, place, head + inner, run)
                    else:
                        waiting.append((child, inner, parent))

    def _whole(self, node: Any, key: str, run: Run | None) -> None:
        """Note a text that stands by itself in each event."""
        if run is not None and node is run.holder and key == run.key:
            raise Unusual
        self.texts.add(node[key])

    def _leaf(self, number: int, node: Any, key: Any, channel: Channel, run: Run | None) -> None:
        """Note the next text of a channel, as often as the events of a run repeat it."""
        text = node[key]
        if run is not None and not (node is run.holder and key == run.key):
            text *= run.end - run.start
        entry = self.channels.get(channel)
        if entry is None:
            self.channels[channel] = [number, [text]]
        elif entry[0] == number:
            raise Unusual  # two texts of one event in one channel: their order decides what they read
        else:
            entry[0] = number
            entry[1].append(text)
