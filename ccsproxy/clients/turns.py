"""Fingerprints of a conversation's turns, to recognise a request that continues an earlier one.

Agents send the whole conversation again each time. Each message gets a digest, and each beginning of the conversation
one of its own; what is no part of a message, such as where the cache has marks, is left out. Digests hold within one
process only.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attr
import msgspec

from ccsproxy.clients.answered import answer_line
from ccsproxy.clients.call import OBJECT
from ccsproxy.clients.own_words import own_words
from ccsproxy.clients.prompt import conversation_of, is_models, texts_of
from ccsproxy.exchange.continuation import previous_answer
from ccsproxy.wire import jsontext

#: What of an answer is compared with what a client sends back as such, in characters.
_COMPARED = 80
#: Members of a message that are no part of what it says.
_MARKS = frozenset({"cache_control", "cachePoint", "prompt_cache_breakpoint", "id", "status"})
_MARKED = tuple(b'"%s":' % mark.encode() for mark in sorted(_MARKS))

_in_order = msgspec.json.Encoder(order="deterministic").encode
#: The digests of so many messages are remembered, by the hash of what was sent.
_REMEMBERED = 50_000
_digests: dict[int, int] = {}


@attr.frozen(slots=False)
class Turns:
    """The conversation of one request.

    :ivar messages: the digest of each message.
    :ivar beginnings: the digest of each beginning: of the first message, of the first two, and so on.
    :ivar own: how many messages it takes until the user or the model has said something.
    :ivar items: the messages themselves.
    :ivar continues: the id of the answer that the request says it continues, empty for none.
    """

    messages: tuple[int, ...]
    beginnings: tuple[int, ...]
    own: int
    items: Sequence[Any]
    continues: str = ""

    @property
    def whole(self) -> int:
        """The digest of the whole conversation."""
        return self.beginnings[-1]

    @property
    def answered(self) -> bool:
        """Whether the model has said anything in it."""
        return any(is_models(item) for item in self.items)

    @cached_property
    def opening(self) -> str:
        """What the first messages say, for finding the summary of an earlier conversation in it."""
        # Looked for only where a conversation of the same program was summed up.
        return _opening(self.items)

    @cached_property
    def answers(self) -> Mapping[int, str]:
        """By the number of messages before it, the beginning of each answer's words as the client repeats it."""
        return _answers(self.items)


def turns_of(body: Any) -> Turns | None:
    """Return the conversation of a request, None when there is none in it.

    :param body: the request's JSON.
    """
    if not isinstance(body, OBJECT):
        return None
    items = conversation_of(body)
    items = [{"role": "user", "content": items}] if isinstance(items, str) and items else items
    if not isinstance(items, list) or not items:
        return None
    messages = tuple(map(_digest, items))
    return Turns(messages, tuple(_beginnings(messages)), _own(items), items, previous_answer(body))


def words_of_answer(answer: Any) -> str:
    """Return of a reassembled answer what is compared with what the client later repeats of it."""
    return answer_line(answer)[:_COMPARED]


def _digest(item: Any) -> int:
    """Return the digest of what a message says; one that was met before is known by how it is written."""
    # Hashed as it was sent, which costs no sorting: nearly every message of a long conversation was met one request
    # before.
    name = hash(jsontext.dumps(item))
    digest = _digests.get(name)
    if digest is None:
        if len(_digests) >= _REMEMBERED:
            # All at once: to keep the newest would need an order, which costs more than digesting a conversation anew
            # now and then.
            _digests.clear()
        digest = _digests[name] = _digest_anew(item)
    return digest


def _encode(value: Any) -> bytes:
    """Write a value so that equal ones are written alike."""
    try:
        return _in_order(value)
    except UnicodeEncodeError:  # half a character, which some agents cut an emoji into
        return jsontext.dumps(value)


def _digest_anew(item: Any) -> int:
    """Return the digest of a message; most have none of the marks, and need no copy without them."""
    said = _encode(item)
    # A mark in somebody's words costs a copy and changes nothing, as only members go.
    return hash(_encode(_bare(item)) if any(mark in said for mark in _MARKED) else said)


def _bare(value: Any) -> Any:
    """Return a message without the marks that move from one request to the next."""
    kind = type(value)
    if kind is dict:
        return {
            # Agents move their cache marks along with every request: with them no two requests would begin alike.
            name: member if type(member) is str else _bare(member)
            for name, member in value.items()
            if name not in _MARKS
        }
    return [_bare(item) for item in value] if kind is list else value


def _beginnings(messages: Sequence[int]) -> Iterator[int]:
    digest = 0
    for message in messages:
        # Chained, so that equal messages after different beginnings differ.
        digest = hash((digest, message))
        yield digest


def _own(items: Sequence[Any]) -> int:
    for number, item in enumerate(items, 1):
        # All conversations of one agent begin with the same context: alike up to here says nothing yet.
        if is_models(item) or any(own_words(text) for text in texts_of(item)):
            return number
    return len(items)


def _answers(items: Sequence[Any]) -> dict[int, str]:
    """Return the beginnings of the answers; what the model wrote in several items is one."""
    answers: dict[int, str] = {}
    begun: int | None = None
    for number, item in enumerate(items):
        if not is_models(item):
            begun = None
            continue
        begun = number if begun is None else begun
        line = answer_line(item if isinstance(item, OBJECT) and "content" in item else [item])
        answers[begun] = f"{answers.get(begun, '')} {line}".strip()[:_COMPARED]
    return answers


def _opening(items: Sequence[Any]) -> str:
    return " ".join(" ".join(text[:20_000].split()) for item in items[:3] for text in texts_of(item))[:40_000]
