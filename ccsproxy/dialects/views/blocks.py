"""The values that readable views consist of, in every dialect."""

from collections.abc import Iterable
from typing import Any

import msgspec

from ccsproxy.wire.jsontext import JsonError, loads


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a message.

    :ivar kind: ``text``, ``thinking``, ``tool_call``, ``tool_result``, ``image``, ``document``, or ``json``
        for everything else.
    :ivar text: the text of a text or thinking block, the title or address of an image or a document.
    :ivar id: the id that a tool call and its result share.
    :ivar name: the tool's name.
    :ivar value: the input of a tool call, parsed; the value itself of a ``json`` block.
    :ivar content: the result of a tool, or the content of a document.
    :ivar is_error: the tool failed.
    :ivar media_type: of an image or a document.
    :ivar size: bytes of an image or a document that is in the message; None if it is elsewhere.
    :ivar data: an image that is in the message, as base64.
    :ivar cache_breakpoint: the prompt cache is asked to store everything up to here.
    """

    kind: str
    text: str = ""
    id: str | None = None
    name: str | None = None
    value: Any = None
    content: tuple["Block", ...] = ()
    is_error: bool = False
    media_type: str | None = None
    size: int | None = None
    data: str = ""
    cache_breakpoint: bool = False


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may call."""

    name: str
    description: str
    schema: Any


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation, with its role."""

    role: str
    blocks: tuple[Block, ...] = ()


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a model, in a readable form.

    :ivar params: all other members of the body.
    """

    system: tuple[Block, ...] = ()
    tools: tuple[Tool, ...] = ()
    messages: tuple[Message, ...] = ()
    params: dict[str, Any] = {}


def text_block(text: str, **more: Any) -> Block:
    """Make a block of text."""
    return Block(kind="text", text=text, **more)


def json_block(value: Any) -> Block:
    """Make the block of last resort; a string is a text."""
    return text_block(value) if isinstance(value, str) else Block(kind="json", value=value)


def string(value: Any) -> str:
    """Return a string unchanged, and an empty one for any other value."""
    return value if isinstance(value, str) else ""


def optional(value: Any) -> str | None:
    """Return a string unchanged, and None for any other value."""
    return value if isinstance(value, str) else None


def items(value: Any) -> list[Any]:
    """Return a list unchanged, no items for null, and any other value as the only item."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def fields(value: Any) -> dict[str, Any]:
    """Return an object unchanged, and an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def parsed(text: Any) -> Any:
    """Return the value of JSON text, or the text itself if it is not JSON."""
    if not isinstance(text, str):
        return text
    try:
        return loads(text) if text.strip() else {}
    except JsonError:
        return text


def base64_size(data: Any) -> int | None:
    """Return how many bytes a base64 text encodes; None for other values."""
    if not isinstance(data, str):
        return None
    return len(data) * 3 // 4 - data[-2:].count("=")


def data_url(url: Any) -> tuple[str | None, int | None, str]:
    """Return media type, size and text of an address; the content of a ``data:`` URL is not returned as text."""
    if not isinstance(url, str):
        return None, None, ""
    if not url.startswith("data:"):
        return None, None, url
    head, _, data = url[5:].partition(",")
    return head.split(";")[0] or None, base64_size(data), ""


def media_block(url: Any, kind: str = "image", title: str = "") -> Block:
    """Make the block of an image or a document from its address or its ``data:`` URL."""
    media_type, size, text = data_url(url)
    data = url.partition(",")[2] if size is not None and kind == "image" else ""
    return Block(kind=kind, media_type=media_type, size=size, text=title or text, data=data)


def rest_of(body: dict[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the members of a body that a view does not show otherwise."""
    shown = set(known)
    return {key: value for key, value in body.items() if key not in shown}
