"""The texts of steps, read from their records: words of user and model, thoughts, tool calls and results."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.dashboard.session.flow import PlacedStep
from ccsproxy.dialects.views.view import Block, Message, RequestView, answer_view, request_view
from ccsproxy.exports.session.texts import whole_prompt
from ccsproxy.insight.facts import QUOTE
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.summary import Entry, read_entry

#: Bytes of one request beyond which it is not read for its page.
LARGEST = 24_000_000


@attr.frozen
class StepTexts:
    """The texts of a step.

    :ivar prompt: the user's message in full, if the step opens a turn.
    :ivar images: images that came with it.
    :ivar answer: the model's answer; None if it is not known.
    :ivar results: the results of its tools, by the id of the call.
    :ivar earlier: messages from before the record began.
    :ivar large: whether its request was too large to be read.
    :ivar gone: whether its record no longer exists.
    """

    prompt: str = ""
    images: Sequence[Block] = ()
    answer: Message | None = None
    results: Mapping[str, Block] = attr.field(factory=dict)
    earlier: Sequence[Message] = ()
    large: bool = False
    gone: bool = False


def texts_of(
    reader: Reader, sid: str, steps: Sequence[PlacedStep], begin: Container[int] = ()
) -> dict[int, StepTexts]:
    """Read the texts of consecutive steps.

    :param begin: the numbers of calls that continue no recorded call; their messages are from before the record
        began.

    A request repeats the conversation so far, so the last one has the results of all steps before it. Only results
    that are missing there, as after a compaction, are looked up in the request that followed their step.
    """
    entries = _Entries(reader, sid, steps)
    # The request after the last step carries the results of all before it, so that one record serves the page.
    latest = entries.results(steps[-1].step.following.seq) if steps and steps[-1].step.following else {}
    if steps and not latest:
        latest = entries.results(steps[-1].seq)
    return {each.seq: _texts(each, entries, latest, each.seq in begin) for each in steps}


class _Entries:
    """The records of some steps, each read and parsed once."""

    def __init__(self, reader: Reader, sid: str, steps: Iterable[PlacedStep]) -> None:
        calls = {call.seq: call for each in steps for call in (each.step.call, each.step.following) if call}
        self.large = {seq for seq, call in calls.items() if call.request_bytes > LARGEST}
        self._dialects = {seq: call.dialect for seq, call in calls.items()}
        lines = reader.lines(sid, set(calls) - self.large)
        self._entries: dict[int, Entry] = {}
        for seq, line in lines.items():
            try:
                self._entries[seq] = read_entry(line)
            # A line that cannot be read is a gap in the conversation, not the end of its page.
            except ValueError:
                continue
        self._views: dict[int, RequestView | None] = {}

    def has(self, seq: int) -> bool:
        """Whether a record was read."""
        return seq in self._entries

    def answer(self, seq: int) -> Message | None:
        """Return the view of an answer."""
        entry = self._entries.get(seq)
        if entry is None or entry.response is None:
            return None
        body = _json(entry.response.body_reassembled)
        return None if body is None else answer_view(self._dialects[seq], body)

    def view(self, seq: int) -> RequestView | None:
        """Return the view of a request."""
        if seq not in self._views:
            entry = self._entries.get(seq)
            body = None if entry is None else _json(entry.request.body)
            self._views[seq] = None if body is None else request_view(self._dialects[seq], body)
        return self._views[seq]

    def results(self, seq: int) -> dict[str, Block]:
        """Return the results of tools that a request carries, by the id of the call."""
        view = self.view(seq)
        blocks = (block for message in (view.messages if view else ()) for block in message.blocks)
        return {block.id: block for block in blocks if block.kind == "tool_result" and block.id}


def _json(raw: Any) -> Any:
    data = bytes(raw)
    return msgspec.json.decode(data) if data and data != b"null" else None


def _texts(each: PlacedStep, entries: _Entries, latest: Mapping[str, Block], begins: bool) -> StepTexts:
    step = each.step
    results: dict[str, Block] = {}
    for part in step.tool_calls:
        found = latest.get(part.id)
        if found is None and step.following is not None:
            found = entries.results(step.following.seq).get(part.id)
        if found is not None:
            results[part.id] = found
    opens = each.number == 1 and bool(each.turn["prompt"])
    view = entries.view(each.seq) if begins or (opens and _is_more(each)) else None
    prompt, images, at = whole_prompt(str(each.turn["prompt"]), view) if opens else ("", (), None)
    earlier = [message for number, message in enumerate(view.messages) if number != at] if begins and view else ()
    gone = not entries.has(each.seq) and each.seq not in entries.large
    return StepTexts(prompt, images, entries.answer(each.seq), results, earlier, each.seq in entries.large, gone)


def _is_more(each: PlacedStep) -> bool:
    """Whether the message of the user is longer than the fact's quote of it, or holds an image."""
    if len(str(each.turn["prompt"])) >= QUOTE - 1:
        return True
    call = each.step.call
    item = call.items[call.prompt_at] if 0 <= call.prompt_at < len(call.items) else None
    return item is not None and any(part.kind == "image" for part in item.parts)
