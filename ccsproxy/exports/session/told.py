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

#: Characters of one text; of one that has more, the record has the rest.
LONGEST = 200_000
#: Characters of the base64 of all images together, so that an export stays something one can send.
IMAGES = 400_000


@attr.frozen
class ToldItem:
    """One piece of a conversation.

    :ivar kind: ``you``, ``answer``, ``fold``, ``data``, ``line``, ``mark`` or ``image``.
    :ivar title: of a fold, what it says while it is shut.
    :ivar inside: what a fold holds.
    :ivar language: of data.
    """

    kind: str
    text: str = ""
    title: str = ""
    inside: tuple["ToldItem", ...] = ()
    language: str = ""


@attr.frozen
class ToldTurn:
    """A turn.

    :ivar number: as the user counts; 0 for what was recorded before the first message.
    :ivar facts: cost, time and more, as written.
    """

    number: int
    title: str
    facts: str
    items: tuple[ToldItem, ...]


@attr.frozen
class ToldSession:
    """A session, told.

    :ivar lines: what stands at its head.
    :ivar notes: what people wrote on it, where that was asked for.
    """

    title: str
    lines: tuple[str, ...]
    findings: tuple[str, ...]
    turns: tuple[ToldTurn, ...]
    aside: tuple[ToldItem, ...]
    notes: tuple[str, ...] = ()


@attr.define
class _Room:
    """What is left for images."""

    images: int = IMAGES


def tell(meta: Mapping[str, Any], texts: SessionTexts, notes: Sequence[Mapping[str, Any]] = ()) -> ToldSession:
    """Tell a session.

    :param meta: its description.
    :param notes: annotations of it and its calls.
    """
    session = texts.session
    told = conversation(session)
    happened: dict[int, list[str]] = {}
    for mark in marks(session):
        happened.setdefault(mark["seq"], []).append(f"{mark['kind']}: {mark['text']}")
    teller = _Teller(texts, happened, _Room())
    return ToldSession(
        str(meta.get("title") or meta.get("session_id") or "Session"),
        tuple(_head(meta, told)),
        tuple(each.text for each in findings(session)),
        tuple(teller.turn(turn) for turn in told["turns"]),
        tuple(_aside(told, texts)),
        tuple(_notes(notes)),
    )


def _head(meta: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    client = " ".join(str(each) for each in (meta.get("client"), meta.get("client_version")) if each)
    models = ", ".join(map(str, meta.get("models") or ()))
    where = (client, str(meta.get("cwd") or ""), models, str(meta.get("session_id") or ""))
    yield " · ".join(each for each in where if each)
    if meta.get("started_at"):
        yield f"{meta['started_at']} to {meta.get('ended_at') or 'now'}"
    sums = told["totals"]
    turns = sum(turn["number"] > 0 for turn in told["turns"])
    cost, unpriced = meta.get("cost"), meta.get("unpriced") or 0
    cost, unpriced = (sums["cost"], sums["unpriced"]) if cost is None and not unpriced else (cost, unpriced)
    said = []
    if sums["requests"]:
        said.append(f"{words.counted_calls(sums)} in {words.plural(turns, 'turn')}")
        sent, read = sums["input_tokens"], sums["cached_tokens"]
        cached = f", {100 * read / sent:.0f} % cached" if sent and read is not None else ""
        said.append(f"{words.tokens(sent)} sent{cached}, {words.tokens(sums['output_tokens'])} out")
    if cost is not None or unpriced:
        note = lacking(unpriced, meta.get("unpriced_models") or ())
        said.append(", ".join(filter(None, (f"cost {total(cost, unpriced, '')}".strip(), note))))
    if said:
        yield " · ".join(said)
    times = sums.get("times") or {}
    spent = [f"{name} {words.seconds(times[key])}" for key, name in _TIMES if times.get(key, 0.0) >= 0.05]
    if spent:
        yield f"{words.seconds(times['total'])}: {', '.join(spent)}"


_TIMES = (("model", "model"), ("tools", "tools"), ("user", "waiting for the user"), ("backoff", "retries"))


def _notes(notes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in notes:
        place = f"call {each['seq']}" if each.get("seq") else "session"
        said = [("starred" if each.get("starred") else ""), *(f"#{tag}" for tag in each.get("tags") or ())]
        said.append(str(each.get("note") or ""))
        yield f"{place}: {' '.join(filter(None, said))}"


def _aside(told: Mapping[str, Any], texts: SessionTexts) -> Iterator[ToldItem]:
    """Yield what is no part of the conversation: system prompts, and side calls in a line each."""
    for seq, text in texts.systems:
        yield ToldItem("fold", title=f"System prompt, from call {seq}: {words.size(len(text))}", inside=(data(text),))
    for each in told["side_calls"]:
        cost = f", {dollars(each['cost'])}" if each["cost"] is not None else ""
        yield ToldItem("line", f"call {each['seq']}: {each['role']} {each['model'] or each['path']}{cost}")


def data(text: str, language: str = "") -> ToldItem:
    """Make an item of captured data, cut where it is endless."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n[{len(text) - LONGEST:,} characters more are in the record]"
    return ToldItem("data", text, language=language)


@attr.frozen
class _Teller:
    """Tells turns and steps.

    :ivar happened: what happened before a call, in sentences.
    """

    texts: SessionTexts
    happened: Mapping[int, Sequence[str]]
    room: _Room

    def turn(self, turn: Mapping[str, Any]) -> ToldTurn:
        """Tell a turn of the session."""
        items = tuple(item for step in turn["steps"] for item in self._step(step, opens=step is turn["steps"][0]))
        facts = [total(turn["cost"], turn["unpriced"]), words.seconds(turn["seconds"])]
        if turn["errors"]:
            facts.append(words.plural(turn["errors"], "error"))
        title = " ".join(str(turn["prompt"] or "before the first message").split())[:120]
        return ToldTurn(turn["number"], title, " · ".join(facts), items)

    def _step(self, step: Mapping[str, Any], opens: bool = False) -> Iterator[ToldItem]:
        seq = step["seq"]
        numbers = [*step["retries"], seq]
        yield from (ToldItem("mark", text) for text in self.happened.get(seq, ()))
        earlier = next((self.texts.earlier[each] for each in numbers if each in self.texts.earlier), ())
        if earlier:
            inside = tuple(item for message in earlier for item in self._message(message))
            yield ToldItem("fold", title=f"{words.plural(len(earlier), 'message')} from before", inside=inside)
        prompt = next((self.texts.prompts[each] for each in numbers if each in self.texts.prompts), None)
        if opens and prompt is not None:
            yield ToldItem("you", prompt[0])
            yield from (self._image(block) for block in prompt[1])
        if step["retries"]:
            failed = ", ".join(self._attempt(each) for each in step["retries"])
            yield ToldItem("line", f"tried again after {failed}")
        answer = self.texts.answers.get(seq)
        told = {call["id"]: call for call in step["calls"] if call["id"]}
        for block in answer.blocks if answer else ():
            yield self._block(block, told, step)
        if answer is None:
            yield ToldItem("line", f"call {seq}: no answer was recorded ({step['outcome'].replace('_', ' ')})")
        shown = {block.id for block in (answer.blocks if answer else ()) if block.kind == "tool_call"}
        yield from (self._agent(agent) for agent in step["agents"] if agent["call"] not in shown)

    def _attempt(self, seq: int) -> str:
        call = self.texts.session.by_seq[seq]
        return " ".join(str(each) for each in (call.status or call.outcome.replace("_", " "), call.error) if each)

    def _block(self, block: Block, told: Mapping[str, Any], step: Mapping[str, Any]) -> ToldItem:
        if block.kind == "text":
            return ToldItem("answer", block.text)
        if block.kind == "thinking":
            return ToldItem("fold", title=f"thought: {_line(block.text)}", inside=(data(block.text),))
        if block.kind == "tool_call":
            return self._tool(block, told.get(block.id or ""), step)
        if block.kind == "image":
            return self._image(block)
        return data(pretty(block.value), "json") if block.value is not None else ToldItem("answer", block.text)

    def _tool(self, block: Block, told: Mapping[str, Any] | None, step: Mapping[str, Any]) -> ToldItem:
        result = self.texts.results.get(block.id or "")
        given = block.value if isinstance(block.value, str) else pretty(block.value)
        inside = [data(given, "" if isinstance(block.value, str) else "json")]
        came = "no result"
        if result is not None:
            inside += [self._inside(each) for each in result.content]
            lines = sum(each.text.rstrip("\n").count("\n") + 1 for each in result.content if each.kind == "text")
            came = f"{'failed, ' if result.is_error else ''}{words.plural(lines, 'line')}"
        inside += [self._agent(agent) for agent in step["agents"] if agent["call"] and agent["call"] == block.id]
        took = f", {words.seconds(told['seconds'])}" if told and told["seconds"] is not None else ""
        target = _line(str(told["target"])) if told and told["target"] else _line(given)
        return ToldItem("fold", title=f"{block.name or 'tool'} {target} → {came}{took}", inside=tuple(inside))

    def _inside(self, block: Block) -> ToldItem:
        if block.kind == "image":
            return self._image(block)
        return data(block.text if block.value is None else pretty(block.value), "")

    def _image(self, block: Block) -> ToldItem:
        """Show an image while there is room; say what it was otherwise."""
        said = ", ".join(filter(None, ("image", block.media_type, words.size(block.size) if block.size else "")))
        if not block.data or len(block.data) > self.room.images:
            return ToldItem("line", f"[{said}]")
        self.room.images -= len(block.data)
        return ToldItem("image", block.data, title=said)

    def _agent(self, agent: Mapping[str, Any]) -> ToldItem:
        inside = tuple(item for step in agent["steps"] for item in self._step(step))
        sums = f"{words.plural(agent['requests'], 'call')}, {total(agent['cost'], agent['unpriced'])}"
        name = agent["type"] or "sub-agent"
        return ToldItem(
            "fold", title=f"{name} ({agent['agent']}): {sums}, {words.seconds(agent['seconds'])}", inside=inside
        )

    def _message(self, message: Message) -> Iterator[ToldItem]:
        for block in message.blocks:
            if block.kind == "text":
                yield ToldItem("you" if message.role == "user" else "answer", block.text)
            elif block.kind == "tool_call":
                yield ToldItem("fold", title=f"{block.name or 'tool'}", inside=(data(pretty(block.value), "json"),))
            elif block.kind == "tool_result":
                yield ToldItem("fold", title="result", inside=tuple(self._inside(each) for each in block.content))
            elif block.text:
                yield data(block.text)


def _line(text: str) -> str:
    """Shorten a text to a line."""
    line = " ".join(text[:300].split())
    return line if len(line) <= 110 else f"{line[:109].rstrip()}…"
