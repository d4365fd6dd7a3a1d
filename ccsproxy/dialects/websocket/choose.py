"""Chooses the protocol of a WebSocket by its path, else by the client's first message."""

from __future__ import annotations

from ccsproxy.dialects.route import split_target
from ccsproxy.dialects.websocket.gemini_live import GeminiLiveSocket
from ccsproxy.dialects.websocket.protocol import SocketProtocol, object_in, text_of
from ccsproxy.dialects.websocket.realtime import RealtimeSocket
from ccsproxy.dialects.websocket.responses import ResponsesSocket


def by_path(target: bytes) -> SocketProtocol | None:
    """Return the reader for a path of a known protocol; None for other paths.

    :param target: the request target of the handshake.
    """
    path = split_target(b"GET", target)
    if any("BidiGenerateContent" in segment for segment in path.segments):
        return GeminiLiveSocket()
    if "realtime" in path.segments:
        return RealtimeSocket()
    return ResponsesSocket() if path.last == "responses" else None


def by_message(text: bytes) -> SocketProtocol | None:
    """Return the reader for a client's first message; None if no known protocol starts that way."""
    message = object_in(text)
    kind = text_of(message, "type")
    if kind == "response.create" and not isinstance(message.get("response"), dict):
        return ResponsesSocket()
    if kind in ("session.update", "response.create", "conversation.item.create"):
        return RealtimeSocket()
    setup = message.get("setup")
    return GeminiLiveSocket() if text_of(setup, "model") else None
