"""A call as the modules of this package see it, and what they report about its caller."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import attr

from ccsproxy.exchange.ids import SESSION_ID
from ccsproxy.exchange.relayed import RawHeaders
from ccsproxy.wire.jsontext import JsonError, loads

#: What an object of JSON is; the plain one first, which nearly all are: a `Mapping` takes four times as long to tell.
OBJECT = (dict, Mapping)
#: Instructions stand at the beginning of a conversation; no further text is looked at than this many.
_MOST_TEXTS = 12
_MOST_TURNS = 6
_LONGEST_NAME = 128
_LONGEST_PATH = 4096
_PRODUCT = re.compile(r"([A-Za-z][\w.@+-]*)(?:/v?(\d[\w.+-]*))?")


@lru_cache(1024)
def _field_name(name: bytes) -> str:
    return name.decode("latin-1").lower().replace("_", "-")


@attr.frozen
class ClientCall:
    """The parts of a request that may say who sent it.

    :ivar headers: every header line as received.
    :ivar target: the request target.
    :ivar body: the parsed JSON body, None while it is unknown or where it is none.
    :ivar user_agent: the ``User-Agent``, empty when there is none.
    """

    headers: RawHeaders
    target: bytes
    body: Any
    #: The first line of each field. Made at once: every module asks for one, and a cached property takes a lock.
    _fields: dict[str, bytes] = attr.field(init=False, repr=False, eq=False)
    user_agent: str = attr.field(init=False, repr=False, eq=False)

    @_fields.default
    def _first_lines(self) -> dict[str, bytes]:
        # Backwards, as the last one put into a mapping stays: that is the first line then.
        return {_field_name(name): value for name, value in reversed(self.headers)}

    def header(self, *names: str) -> str:
        """Return the first of these header fields that is there, else nothing; ``-`` and ``_`` are the same."""
        fields = self._fields
        for name in names:
            if name in fields and (value := fields[name].decode("utf-8", "replace").strip()):
                return value
        return ""

    @user_agent.default
    def _user_agent(self) -> str:
        return self.header("user-agent")

    def member(self, *path: str) -> Any:
        """Return what stands at a path of object members in the body; None where it does not lead anywhere."""
        return member(self.body, *path)


def retry_of(call: ClientCall) -> int | None:
    """Return the how-manieth repetition a call is by the client's own word, None where it does not say.

    The SDKs of Anthropic and OpenAI say it; Claude Code's own repetitions all say 0.
    """
    said = call.header("x-stainless-retry-count", "x-retry-count", "x-retry-attempt")
    # isdigit alone takes digits of every script, superscripts too, which int refuses.
    return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else None


def member(value: Any, *path: str) -> Any:
    """Return what stands at a path of object members; None where it does not lead anywhere."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def product(user_agent: str) -> tuple[str, str | None]:
    """Return name and version of the first product of a ``User-Agent``; an empty name where there is none."""
    # Long ones go past the cache: a client that makes each of them up would fill it with kilobytes.
    return _product(user_agent) if len(user_agent) <= _LONGEST_NAME else _product.__wrapped__(user_agent)


@lru_cache(256)
def _product(user_agent: str) -> tuple[str, str | None]:
    match = _PRODUCT.match(user_agent)
    return (match.group(1), match.group(2)) if match else ("", None)


def embedded(text: Any) -> dict[str, Any]:
    """Read a JSON object out of a string; an empty one where it is none."""
    # Results of tools are megabytes of anything, and most are seen by their first character to be no object.
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return {}
    try:
        value = loads(text)
    except JsonError:
        return {}
    return value if isinstance(value, dict) else {}


def first_id(*candidates: Any) -> str | None:
    """Return the first candidate that may be the id of a session, thread, agent or account."""
    return next((value for value in candidates if isinstance(value, str) and SESSION_ID.match(value)), None)


def first_name(*candidates: Any) -> str | None:
    """Return the first candidate that may be a name for people: short, printable, not blank."""
    for value in candidates:
        if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_NAME:
            return value.strip()
    return None


def first_path(*candidates: Any) -> str | None:
    """Return the first candidate that may be a folder's path."""
    for value in candidates:
        path = value.strip() if isinstance(value, str) else ""
        if path and path.isprintable() and len(path) <= _LONGEST_PATH:
            return path
    return None


def instructions(body: Any) -> Iterator[str]:
    """Yield the texts in which an agent tells a model where it is: system prompts, then the first messages."""
    if not isinstance(body, dict):
        return
    # Code Assist wraps Gemini's request into an envelope of its own.
    inner = body["request"] if isinstance(body.get("request"), dict) else body
    sources = [inner.get(key) for key in ("system", "instructions", "systemInstruction", "system_instruction")]
    for key in ("input", "messages", "contents"):
        turns = inner.get(key)
        sources.append(turns[:_MOST_TURNS] if isinstance(turns, list) else turns)
    yield from islice(_texts(sources, 0), _MOST_TEXTS)


def _texts(values: Iterable[Any], depth: int) -> Iterator[str]:
    """Yield the texts of messages, blocks and parts, in whatever dialect."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list) and depth < 4:
            yield from _texts(value, depth + 1)
        elif isinstance(value, dict) and depth < 4:
            yield from _texts((value.get(key) for key in ("text", "content", "parts")), depth + 1)
