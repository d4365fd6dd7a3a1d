"""A session arranged for reading: a header, its findings, and the conversation in foldable items."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dialects.views.view import Block, Message
from ccsproxy.exports.payload import pretty
from ccsproxy.exports.session.texts import SessionTexts
from ccsproxy.insight import words
from ccsproxy.insight.conversation.conversation import conversation, marks
from ccsproxy.insight.findings import findings
from ccsproxy.providers.amounts import dollars, lacking, total

#: Maximum length of a text in characters; the rest of a longer one is only in the record.
LONGEST = 200_000
#: Maximum size of all images together in base64 characters, so that an export can be sent by mail.
IMAGES = 400_000


@attr.frozen
class TranscriptItem:
    """One piece of a conversation.

    :ivar kind: ``you``, ``answer``, ``fold``, ``data``, ``line``, ``mark`` or ``image``.
    :ivar title: the visible line of a fold.
    :ivar inside: the content of a fold.
    :ivar language: of data, for highlighting.
    """

    kind: str
    text: str = ""
    title: str = ""
    inside: tuple["TranscriptItem", ...] = ()
    language: str = ""


@attr.frozen
class TranscriptTurn:
    """One turn of a transcript.

    :ivar number: as the user counts; 0 for calls before the first message.
    :ivar facts: cost, time and more, formatted.
    """

    number: int
    title: str
    facts: str
    items: tuple[TranscriptItem, ...]


@attr.frozen
class Transcript:
    """A session arranged for reading.

    :ivar lines: the lines of its header.
    :ivar aside: system prompts and side calls, which are not part of the conversation.
    :ivar notes: annotations, if requested.
    """

    title: str
    lines: tuple[str, ...]
    findings: tuple[str, ...]
    turns: tuple[TranscriptTurn, ...]
    aside: tuple[TranscriptItem, ...]
    notes: tuple[str, ...] = ()


@attr.define
class _Room:
    """The remaining room for images."""

    images: int = IMAGES


def transcript_of(
    meta: Mapping[str, Any], texts: SessionTexts, notes: Sequence[Mapping[str, Any]] = ()
) -> Transcript:
    """Build the transcript of a session.

    :param meta: its description in the store.
    :param notes: annotations of it and its calls.
    """
    session = texts.session
    described = conversation(session)
    happened: dict[int, list[str]] = {}
    for mark in marks(session):
        happened.setdefault(mark["seq"], []).append(f"{mark['kind']}: {mark['text']}")
    writer = _TranscriptWriter(texts, happened, _Room())
    return Transcript(
        str(meta.get("title") or meta.get("session_id") or "Session"),
        tuple(_head(meta, described)),
        tuple(each.text for each in findings(session)),
        tuple(writer.turn(turn) for turn in described["turns"]),
        tuple(_aside(described, texts)),
        tuple(_notes(notes)),
    )


def _head(meta: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    client = " ".join(str(each) for each in (meta.get("client"), meta.get("client_version")) if each)
    models = ", ".join(map(str, meta.get("models") or ()))
    where = (client, str(meta.get("cwd") or ""), models, str(meta.get("session_id") or ""))
    yield " · ".join(each for each in where if each)
    if meta.get("started_at"):
        yield f"{meta['started_at']} to {meta.get('ended_at') or 'now'}"
    sums = described["totals"]
    turns = sum(turn["number"] > 0 for turn in described["turns"])
    cost, unpriced = meta.get("cost"), meta.get("unpriced") or 0
    cost, unpriced = (sums["cost"], sums["unpriced"]) if cost is None and not unpriced else (cost, unpriced)
    parts = []
    if sums["requests"]:
        parts.append(f"{words.counted_calls(sums)} in {words.plural(turns, 'turn')}")
        sent, read = sums["input_tokens"], sums["cached_tokens"]
        cached = f", {100 * read / sent:.0f} % cached" if sent and read is not None else ""
        parts.append(f"{words.tokens(sent)} sent{cached}, {words.tokens(sums['output_tokens'])} out")
    if cost is not None or unpriced:
        note = lacking(unpriced, meta.get("unpriced_models") or ())
        parts.append(", ".join(filter(None, (f"cost {total(cost, unpriced, '')}".strip(), note))))
    if parts:
        yield " · ".join(parts)
    times = sums.get("times") or {}
    spent = [f"{name} {words.seconds(times[key])}" for key, name in _TIMES if times.get(key, 0.0) >= 0.05]
    if spent:
        yield f"{words.seconds(times['total'])}: {', '.join(spent)}"


_TIMES = (("model", "model"), ("tools", "tools"), ("user", "waiting for the user"), ("backoff", "retries"))


def _notes(notes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in notes:
        place = f"call {each['seq']}" if each.get("seq") else "session"
        parts = [("starred" if each.get("starred") else ""), *(f"#{tag}" for tag in each.get("tags") or ())]
        parts.append(str(each.get("note") or ""))
        yield f"{place}: {' '.join(filter(None, parts))}"


def _aside(described: Mapping[str, Any], texts: SessionTexts) -> Iterator[TranscriptItem]:
    """Yield what is not part of the conversation: system prompts, and side calls in a line each."""
    for seq, text in texts.systems:
        yield TranscriptItem(
            "fold", title=f"System prompt, from call {seq}: {words.size(len(text))}", inside=(data(text),)
        )
    for each in described["side_calls"]:
        cost = f", {dollars(each['cost'])}" if each["cost"] is not None else ""
        yield TranscriptItem("line", f"call {each['seq']}: {each['role']} {each['model'] or each['path']}{cost}")


def data(text: str, language: str = "") -> TranscriptItem:
    """Build an item of captured data, truncated at a maximum length."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n[{len(text) - LONGEST:,} characters more are in the record]"
    return TranscriptItem("data", text, language=language)


@attr.frozen
class _TranscriptWriter:
    """Writes turns and steps.

    :ivar happened: what happened before a call, in sentences.
    """

    texts: SessionTexts
    happened: Mapping[int, Sequence[str]]
    room: _Room

    def turn(self, turn: Mapping[str, Any]) -> TranscriptTurn:
        """Write a turn of the session."""
        items = tuple(item for step in turn["steps"] for item in self._step(step, opens=step is turn["steps"][0]))
        facts = [total(turn["cost"], turn["unpriced"]), words.seconds(turn["seconds"])]
        if turn["errors"]:
            facts.append(words.plural(turn["errors"], "error"))
        title = " ".join(str(turn["prompt"] or "before the first message").split())[:120]
        return TranscriptTurn(turn["number"], title, " · ".join(facts), items)

    def _step(self, step: Mapping[str, Any], opens: bool = False) -> Iterator[TranscriptItem]:
        seq = step["seq"]
        numbers = [*step["retries"], seq]
        yield from (TranscriptItem("mark", text) for text in self.happened.get(seq, ()))
        earlier = next((self.texts.earlier[each] for each in numbers if each in self.texts.earlier), ())
        if earlier:
            inside = tuple(item for message in earlier for item in self._message(message))
            yield TranscriptItem("fold", title=f"{words.plural(len(earlier), 'message')} from before", inside=inside)
        prompt = next((self.texts.prompts[each] for each in numbers if each in self.texts.prompts), None)
        if opens and prompt is not None:
            yield TranscriptItem("you", prompt[0])
            yield from (self._image(block) for block in prompt[1])
        if step["retries"]:
            failed = ", ".join(self._attempt(each) for each in step["retries"])
            yield TranscriptItem("line", f"tried again after {failed}")
        answer = self.texts.answers.get(seq)
        described = {call["id"]: call for call in step["calls"] if call["id"]}
        for block in answer.blocks if answer else ():
            yield self._block(block, described, step)
        if answer is None:
            yield TranscriptItem("line", f"call {seq}: no answer was recorded ({step['outcome'].replace('_', ' ')})")
        shown = {block.id for block in (answer.blocks if answer else ()) if block.kind == "tool_call"}
        yield from (self._agent(agent) for agent in step["agents"] if agent["call"] not in shown)

    def _attempt(self, seq: int) -> str:
        call = self.texts.session.by_seq[seq]
        return " ".join(str(each) for each in (call.status or call.outcome.replace("_", " "), call.error) if each)

    def _block(self, block: Block, described: Mapping[str, Any], step: Mapping[str, Any]) -> TranscriptItem:
        if block.kind == "text":
            return TranscriptItem("answer", block.text)
        if block.kind == "thinking":
            return TranscriptItem("fold", title=f"thought: {_line(block.text)}", inside=(data(block.text),))
        if block.kind == "tool_call":
            return self._tool(block, described.get(block.id or ""), step)
        if block.kind == "image":
            return self._image(block)
        return data(pretty(block.value), "json") if block.value is not None else TranscriptItem("answer", block.text)

    def _tool(self, block: Block, described: Mapping[str, Any] | None, step: Mapping[str, Any]) -> TranscriptItem:
        result = self.texts.results.get(block.id or "")
        arguments = block.value if isinstance(block.value, str) else pretty(block.value)
        inside = [data(arguments, "" if isinstance(block.value, str) else "json")]
        outcome = "no result"
        if result is not None:
            inside += [self._inside(each) for each in result.content]
            lines = sum(each.text.rstrip("\n").count("\n") + 1 for each in result.content if each.kind == "text")
            outcome = f"{'failed, ' if result.is_error else ''}{words.plural(lines, 'line')}"
        inside += [self._agent(agent) for agent in step["agents"] if agent["call"] and agent["call"] == block.id]
        took = f", {words.seconds(described['seconds'])}" if described and described["seconds"] is not None else ""
        target = _line(str(described["target"])) if described and described["target"] else _line(arguments)
        return TranscriptItem(
            "fold", title=f"{block.name or 'tool'} {target} → {outcome}{took}", inside=tuple(inside)
        )

    def _inside(self, block: Block) -> TranscriptItem:
        if block.kind == "image":
            return self._image(block)
        return data(block.text if block.value is None else pretty(block.value), "")

    def _image(self, block: Block) -> TranscriptItem:
        """Include an image while there is room; otherwise only its type and size."""
        parts = ", ".join(filter(None, ("image", block.media_type, words.size(block.size) if block.size else "")))
        if not block.data or len(block.data) > self.room.images:
            return TranscriptItem("line", f"[{parts}]")
        self.room.images -= len(block.data)
        return TranscriptItem("image", block.data, title=parts)

    def _agent(self, agent: Mapping[str, Any]) -> TranscriptItem:
        inside = tuple(item for step in agent["steps"] for item in self._step(step))
        sums = f"{words.plural(agent['requests'], 'call')}, {total(agent['cost'], agent['unpriced'])}"
        name = agent["type"] or "sub-agent"
        return TranscriptItem(
            "fold", title=f"{name} ({agent['agent']}): {sums}, {words.seconds(agent['seconds'])}", inside=inside
        )

    def _message(self, message: Message) -> Iterator[TranscriptItem]:
        for block in message.blocks:
            if block.kind == "text":
                yield TranscriptItem("you" if message.role == "user" else "answer", block.text)
            elif block.kind == "tool_call":
                yield TranscriptItem(
                    "fold", title=f"{block.name or 'tool'}", inside=(data(pretty(block.value), "json"),)
                )
            elif block.kind == "tool_result":
                yield TranscriptItem(
                    "fold", title="result", inside=tuple(self._inside(each) for each in block.content)
                )
            elif block.text:
                yield data(block.text)


def _line(text: str) -> str:
    """Shorten a text to one line."""
    line = " ".join(text[:300].split())
    return line if len(line) <= 110 else f"{line[:109].rstrip()}…"
