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

#: Types of a JSON object; the plain one first, which matches nearly always: a `Mapping` check takes four times as
#: long.
OBJECT = (dict, Mapping)
#: Instructions are at the beginning of a conversation; at most this many texts are searched.
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
    """The parts of a request that may identify its sender.

    :ivar headers: every header line as received.
    :ivar target: the request target.
    :ivar body: the parsed JSON body, None while it is unknown or if there is none.
    :ivar user_agent: the ``User-Agent``, empty if there is none.
    """

    headers: RawHeaders
    target: bytes
    body: Any
    #: The first line of each field. Built at once: every module needs one, and a cached property takes a lock.
    _fields: dict[str, bytes] = attr.field(init=False, repr=False, eq=False)
    user_agent: str = attr.field(init=False, repr=False, eq=False)

    @_fields.default
    def _first_lines(self) -> dict[str, bytes]:
        # Backwards, because the last entry in a mapping wins: that is then the first line.
        return {_field_name(name): value for name, value in reversed(self.headers)}

    def header(self, *names: str) -> str:
        """Return the first of these header fields that exists, else an empty string; ``-`` and ``_`` are the same."""
        fields = self._fields
        for name in names:
            if name in fields and (value := fields[name].decode("utf-8", "replace").strip()):
                return value
        return ""

    @user_agent.default
    def _user_agent(self) -> str:
        return self.header("user-agent")

    def member(self, *path: str) -> Any:
        """Return the value at a path of object members in the body; None if there is none."""
        return member(self.body, *path)


def retry_of(call: ClientCall) -> int | None:
    """Return the number of the retry as stated by the client, None if not stated.

    The SDKs of Anthropic and OpenAI state it; Claude Code's own retries all state 0.
    """
    stated = call.header("x-stainless-retry-count", "x-retry-count", "x-retry-attempt")
    # isdigit alone accepts digits of every script, including superscripts, which int refuses.
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 4 else None


def member(value: Any, *path: str) -> Any:
    """Return the value at a path of object members; None if there is none."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def product(user_agent: str) -> tuple[str, str | None]:
    """Return name and version of the first product in a ``User-Agent``; an empty name if there is none."""
    # Long ones bypass the cache: a client with random ones would fill it with kilobytes.
    return _product(user_agent) if len(user_agent) <= _LONGEST_NAME else _product.__wrapped__(user_agent)


@lru_cache(256)
def _product(user_agent: str) -> tuple[str, str | None]:
    match = _PRODUCT.match(user_agent)
    return (match.group(1), match.group(2)) if match else ("", None)


def embedded(text: Any) -> dict[str, Any]:
    """Parse a JSON object in a string; empty if it is not one."""
    # Tool results are megabytes of anything, and the first character of most reveals that they are not objects.
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return {}
    try:
        value = loads(text)
    except JsonError:
        return {}
    return value if isinstance(value, dict) else {}


def first_id(*candidates: Any) -> str | None:
    """Return the first candidate that is a valid id of a session, thread, agent or account."""
    return next((value for value in candidates if isinstance(value, str) and SESSION_ID.match(value)), None)


def first_name(*candidates: Any) -> str | None:
    """Return the first candidate that is a valid display name: short, printable, not blank."""
    for value in candidates:
        if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_NAME:
            return value.strip()
    return None


def first_path(*candidates: Any) -> str | None:
    """Return the first candidate that is a directory path."""
    for value in candidates:
        path = value.strip() if isinstance(value, str) else ""
        if path and path.isprintable() and len(path) <= _LONGEST_PATH:
            return path
    return None


def instructions(body: Any) -> Iterator[str]:
    """Yield the texts in which an agent describes its environment to a model: system prompts, then the first
    messages.
    """
    if not isinstance(body, dict):
        return
    # Code Assist wraps Gemini's request in an envelope.
    inner = body["request"] if isinstance(body.get("request"), dict) else body
    sources = [inner.get(key) for key in ("system", "instructions", "systemInstruction", "system_instruction")]
    for key in ("input", "messages", "contents"):
        turns = inner.get(key)
        sources.append(turns[:_MOST_TURNS] if isinstance(turns, list) else turns)
    yield from islice(_texts(sources, 0), _MOST_TEXTS)


def _texts(values: Iterable[Any], depth: int) -> Iterator[str]:
    """Yield the texts of messages, blocks and parts, in any dialect."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list) and depth < 4:
            yield from _texts(value, depth + 1)
        elif isinstance(value, dict) and depth < 4:
            yield from _texts((value.get(key) for key in ("text", "content", "parts")), depth + 1)
