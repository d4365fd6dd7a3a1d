"""Random streams of every dialect, and how each is written; knows no SDK, whose import takes seconds."""

from test.dialects.anthropic_streams import anthropic_stream
from test.dialects.chat_streams import chat_stream
from test.dialects.gemini_streams import gemini_stream
from test.dialects.ollama_streams import ollama_stream
from test.dialects.responses_streams import responses_stream, unfinished_stream
from test.dialects.streams import Maker, Stream, as_array, as_lines, as_sse

STREAM_MAKERS = (
    anthropic_stream,
    responses_stream,
    chat_stream,
    anthropic_stream,
    responses_stream,
    chat_stream,
    gemini_stream,
    ollama_stream,
    unfinished_stream,
)


def encode(stream: Stream, maker: Maker) -> bytes:
    """Write a stream in one of its dialect's ways."""
    if stream.dialect == "ollama":
        return as_lines(stream, maker)
    if stream.dialect == "gemini":
        return as_array(stream, maker) if maker.chance(0.5) else _unnamed(stream, maker)
    return as_sse(stream, maker)


def _unnamed(stream: Stream, maker: Maker) -> bytes:
    return b"".join(f"data: {maker.json_text(event)}\r\n\r\n".encode() for event in stream.events)
