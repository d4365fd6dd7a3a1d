"""The texts of a session, each once: every request repeats the conversation, and only new texts are kept."""

from collections.abc import Iterable, Mapping
from typing import Any

import attr

from ccsproxy.dialects.views.view import Block, Message, RequestView, answer_view, request_view
from ccsproxy.insight.collect import Collector
from ccsproxy.insight.cost.rates import Price
from ccsproxy.insight.facts import QUOTE, Call
from ccsproxy.insight.session import Session
from ccsproxy.providers.price_book import list_price

#: Distinct beginnings of conversations that are remembered, of sessions without end.
_BEGINNINGS = 2000


@attr.frozen
class SessionTexts:
    """A session with its texts.

    :ivar prompts: the user's message, with its images, by the number of the call that carries it.
    :ivar answers: by the number of the call.
    :ivar results: the results of tools, by the id of the tool call.
    :ivar earlier: messages from before the record began, by the number of the call that carries them.
    :ivar systems: the distinct system prompts, each with the number of the first call that sent it.
    """

    session: Session
    prompts: Mapping[int, tuple[str, tuple[Block, ...]]]
    answers: Mapping[int, Message]
    results: Mapping[str, Block]
    earlier: Mapping[int, tuple[Message, ...]]
    systems: tuple[tuple[int, str], ...] = ()


class _Gathering:
    """Processes records one by one, and keeps only the texts that are new in each.

    Invariant: a result is kept under the id of its call from the first record that carries it, and the beginning of a
    conversation once, so that memory grows with new texts and not with their repetitions.
    """

    def __init__(self, price: Price) -> None:
        self._collector = Collector(price)
        self.calls: list[Call] = []
        self.prompts: dict[int, tuple[str, tuple[Block, ...]]] = {}
        self.answers: dict[int, Message] = {}
        self.results: dict[str, Block] = {}
        self.earlier: dict[int, tuple[Message, ...]] = {}
        self.systems: dict[str, int] = {}
        self._begun: set[int] = set()

    def take(self, record: Mapping[str, Any]) -> None:
        """Add the texts that are new in a record."""
        call = self._collector.collect(record)
        self.calls.append(call)
        view = request_view(record.get("dialect"), (record.get("request") or {}).get("body"))
        body = (record.get("response") or {}).get("body_reassembled")
        if body is not None:
            self.answers[call.seq] = answer_view(record.get("dialect"), body)
        for block in (block for message in view.messages for block in message.blocks):
            if block.kind == "tool_result" and block.id:
                self.results.setdefault(block.id, block)
        at = self._prompt(call, view)
        self._beginning(call, view, at)

    def _prompt(self, call: Call, view: RequestView) -> int | None:
        if call.prompt is None:
            return None
        text, images, at = whole_prompt(call.prompt, view)
        self.prompts[call.seq] = (text, images)
        return at

    def _beginning(self, call: Call, view: RequestView, at: int | None) -> None:
        """Keep the beginning of a conversation, which may be older than the record."""
        if not view.messages:
            return
        first = hash(repr(view.messages[0]))
        if first in self._begun or len(self._begun) >= _BEGINNINGS:
            return
        self._begun.add(first)
        rest = tuple(message for number, message in enumerate(view.messages) if number != at)
        if rest:
            self.earlier[call.seq] = rest
        system = "\n\n".join(block.text for block in view.system if block.text)
        if system and call.category == "model":
            self.systems.setdefault(system, call.seq)


def texts_of(records: Iterable[Mapping[str, Any]], price: Price = list_price) -> SessionTexts:
    """Go through the records of a session once.

    :param records: in the order of their numbers; they are not kept.
    """
    found = _Gathering(price)
    for record in records:
        found.take(record)
    session = Session(found.calls)
    begin = {seq for seq, link in session.lanes.links.items() if link.before is None}
    earlier = {seq: messages for seq, messages in found.earlier.items() if seq in begin}
    systems = tuple((seq, text) for text, seq in found.systems.items())
    return SessionTexts(session, found.prompts, found.answers, found.results, earlier, systems)


def whole_prompt(quoted: str, view: RequestView | None) -> tuple[str, tuple[Block, ...], int | None]:
    """Find the user's message whose beginning a fact quotes.

    :return: its text, its images, and its index among the messages; the quote if it is not found.
    """
    begun = " ".join(quoted.rstrip("…").split())[: QUOTE // 2]
    messages = view.messages if view else ()
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role != "user":
            continue
        for block in messages[at].blocks:
            if block.kind == "text" and begun and begun in " ".join(block.text.split()):
                return block.text, tuple(each for each in messages[at].blocks if each.kind == "image"), at
    return quoted, (), None
