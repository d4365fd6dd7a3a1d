"""Fingerprints of a conversation's turns, to recognise a request that continues an earlier one.

Agents send the whole conversation again each time. Each message gets a digest, and so does each prefix of the
conversation; anything that is not part of a message, such as cache markers, is ignored. Digests are valid within one
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

#: How many characters of a response are compared with what a client sends back.
_COMPARED = 80
#: Members of a message that are not part of its content.
_MARKS = frozenset({"cache_control", "cachePoint", "prompt_cache_breakpoint", "id", "status"})
_MARKED = tuple(b'"%s":' % mark.encode() for mark in sorted(_MARKS))

_in_order = msgspec.json.Encoder(order="deterministic").encode
#: How many messages' digests are cached, by the hash of what was sent.
_REMEMBERED = 50_000
_digests: dict[int, int] = {}


@attr.frozen(slots=False)
class Turns:
    """The conversation of one request.

    :ivar messages: the digest of each message.
    :ivar beginnings: the digest of each prefix: of the first message, of the first two, and so on.
    :ivar own: how many messages it takes until the user or the model has said something.
    :ivar items: the messages themselves.
    :ivar continues: the id of the response that the request continues, empty for none.
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

    @cached_property
    def answered(self) -> bool:
        """Whether it contains anything written by the model."""
        # Asked for each beginning of a conversation that may be thousands of messages long.
        return any(is_models(item) for item in self.items)

    @cached_property
    def opening(self) -> str:
        """The text of the first messages, for finding the summary of an earlier conversation in it."""
        # Needed only if a conversation of the same program was summarised.
        return _opening(self.items)

    @cached_property
    def heard(self) -> frozenset[str]:
        """The beginnings of all responses."""
        return frozenset(self.answers.values())

    @cached_property
    def answers(self) -> Mapping[int, str]:
        """The beginning of each response's text as repeated by the client, by the number of messages before it."""
        return _answers(self.items)


def turns_of(body: Any) -> Turns | None:
    """Return the conversation of a request, None if it contains none.

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
    """Return the part of a reassembled response that is compared with what the client later repeats of it."""
    return answer_line(answer)[:_COMPARED]


def _digest(item: Any) -> int:
    """Return the digest of a message's content, cached by its serialised form."""
    # Hashed as it was sent, which needs no sorting: nearly every message of a long conversation was in the previous
    # request.
    name = hash(jsontext.dumps(item))
    digest = _digests.get(name)
    if digest is None:
        if len(_digests) >= _REMEMBERED:
            # All at once: keeping the newest would need an order, which costs more than computing a conversation's
            # digests again now and then.
            _digests.clear()
        digest = _digests[name] = _digest_anew(item)
    return digest


def _encode(value: Any) -> bytes:
    """Serialise a value so that equal values give equal bytes."""
    try:
        return _in_order(value)
    except UnicodeEncodeError:  # half a character, because some agents cut an emoji in two
        return jsontext.dumps(value)


def _digest_anew(item: Any) -> int:
    """Compute the digest of a message; most have no markers, and need not be copied without them."""
    encoded = _encode(item)
    # A marker in somebody's text costs a copy and changes nothing, because only members are removed.
    return hash(_encode(_bare(item)) if any(mark in encoded for mark in _MARKED) else encoded)


def _bare(value: Any) -> Any:
    """Return a message without the markers that move from one request to the next."""
    kind = type(value)
    if kind is dict:
        return {
            # Agents move their cache markers with every request: with them no two requests would have a common
            # prefix.
            name: member if type(member) is str else _bare(member)
            for name, member in value.items()
            if name not in _MARKS
        }
    return [_bare(item) for item in value] if kind is list else value


def _beginnings(messages: Sequence[int]) -> Iterator[int]:
    digest = 0
    for message in messages:
        # Chained, so that equal messages after different prefixes differ.
        digest = hash((digest, message))
        yield digest


def _own(items: Sequence[Any]) -> int:
    for number, item in enumerate(items, 1):
        # All conversations of one agent start with the same context: being equal up to here means nothing yet.
        if is_models(item) or any(own_words(text) for text in texts_of(item)):
            return number
    return len(items)


def _answers(items: Sequence[Any]) -> dict[int, str]:
    """Return the beginnings of the responses; what the model wrote in several items is one."""
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
