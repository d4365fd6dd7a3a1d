"""Whole frames as bytes, as they would lie in a log."""

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Lost
from ccsproxy.exchange.relayed import RequestHead, ResponseHead


def head(number: int, at: int, request: RequestHead) -> bytes:
    """Encode HEAD."""
    return frames.frame(frames.HEAD, number, at, frames.encode(request))


def response_head(number: int, at: int, response: ResponseHead) -> bytes:
    """Encode RESPONSE_HEAD."""
    return frames.frame(frames.RESPONSE_HEAD, number, at, frames.encode(response))


def lost(number: int, at: int, loss: Lost) -> bytes:
    """Encode LOST."""
    return frames.frame(frames.LOST, number, at, frames.lost(loss))


def whole(number: int, at: int, outcome: str = "complete", kind: str = "", message: str = "") -> bytes:
    """Encode WHOLE."""
    return frames.frame(frames.WHOLE, number, at, frames.encode((outcome, kind, message)))


def end(number: int, at: int, ended: EndFrame) -> bytes:
    """Encode END."""
    return frames.frame(frames.END, number, at, frames.encode(ended))
