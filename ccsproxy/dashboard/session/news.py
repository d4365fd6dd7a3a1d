"""The new part of a turn, because every request repeats the whole conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.dialects.views.view import Block, Message, RequestView, answer_view, request_view


@attr.frozen
class News:
    """The new part of a turn.

    :ivar messages: the new messages, without those that only repeat the previous answer.
    :ivar answer: the model's answer; None if it is not known.
    :ivar all: every message of the request.
    :ivar carried: how many messages are unchanged since the previous turn.
    :ivar repeated: how many messages repeat the answer of the previous turn.
    :ivar gone: how many messages of the previous turn were removed or changed.
    :ivar system: how many texts the system prompt has, if it is new.
    :ivar tools: how many tools are offered, if they are new.
    :ivar known: whether the request's body is known; otherwise nothing can be compared.
    """

    messages: tuple[Message, ...] = ()
    answer: Message | None = None
    all: tuple[Message, ...] = attr.field(default=(), eq=False, repr=False)
    carried: int = 0
    repeated: int = 0
    gone: int = 0
    system: int = 0
    tools: int = 0
    known: bool = True


def bare(block: Block) -> Block:
    """Return a block without the mark of the prompt cache, which moves from turn to turn."""
    if not block.cache_breakpoint and not block.content:
        return block
    return msgspec.structs.replace(block, cache_breakpoint=False, content=tuple(map(bare, block.content)))


def same_message(one: Message, other: Message) -> bool:
    """Return whether two messages are equal; markers of the prompt cache do not count."""
    if one.role != other.role or len(one.blocks) != len(other.blocks):
        return False
    return all(bare(a) == bare(b) for a, b in zip(one.blocks, other.blocks, strict=True))


def common_prefix(before: Sequence[Message], after: Sequence[Message]) -> int:
    """Return how many messages at the beginning are the same."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if not same_message(one, other):
            break
        count += 1
    return count


def has_body(record: Mapping[str, Any]) -> bool:
    """Whether a record has its request's body: it lacks it while the call runs, and where bodies are not kept."""
    return (record.get("request") or {}).get("body") is not None


def view_of(record: Mapping[str, Any]) -> RequestView:
    """Return the view of a record's request."""
    return request_view(record.get("dialect"), (record.get("request") or {}).get("body"))


def answer_of(record: Mapping[str, Any]) -> Message | None:
    """Return the view of a record's answer."""
    body = (record.get("response") or {}).get("body_reassembled")
    return None if body is None else answer_view(record.get("dialect"), body)


def news(before: RequestView | None, answered: bool, after: RequestView, answer: Message | None) -> News:
    """Compare a turn with the previous one.

    :param before: the request of the previous turn; None if there is none.
    :param answered: whether that turn's answer is known, so that it need not be shown again.
    """
    old = before.messages if before else ()
    carried = common_prefix(old, after.messages)
    fresh = after.messages[carried:]
    repeated = _echoes(fresh) if answered and carried == len(old) else 0
    # A request that names the response it continues repeats nothing, and removes nothing.
    gone = 0 if "previous_response_id" in after.params else len(old) - carried
    return News(
        messages=fresh[repeated:],
        answer=answer,
        all=after.messages,
        carried=carried,
        repeated=repeated,
        gone=gone,
        system=0 if before and _same_blocks(before.system, after.system) else len(after.system),
        tools=0 if before and before.tools == after.tools else len(after.tools),
    )


def _echoes(fresh: Sequence[Message]) -> int:
    """Return how many messages at the beginning are the model's."""
    count = 0
    # By role and not by equality: clients send an answer back without its thoughts, ids or empty texts.
    while count < len(fresh) and fresh[count].role in ("assistant", "model"):
        count += 1
    return count


def _same_blocks(one: Sequence[Block], other: Sequence[Block]) -> bool:
    return len(one) == len(other) and all(bare(a) == bare(b) for a, b in zip(one, other, strict=True))
