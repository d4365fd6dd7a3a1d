"""The lines of a batch's results: of each that was answered, the model and what it used."""

import io
from collections.abc import Iterator
from typing import Any

from ccsproxy.dialects.anthropic.usage import anthropic_usage
from ccsproxy.dialects.gemini.usage import gemini_usage
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.dialects.openai.usage import chat_usage, embedding_usage
from ccsproxy.exchange.usage import Usage
from ccsproxy.wire.jsontext import JsonError, loads

#: A model, and what it used: nothing is known of a line that is damaged.
Answered = tuple[str | None, Usage | None]


def answered_lines(body: bytes | bytearray) -> Iterator[Answered]:
    """Yield what the answered lines of a file say; a damaged line counts if it follows one of a batch."""
    is_batch = False
    for line in io.BytesIO(body):
        try:
            value = loads(line) if line.strip() else None
        except JsonError:
            if is_batch:
                yield None, None
            continue
        answered = answered_line(value)
        is_batch = is_batch or answered is not None or _is_result(value)
        if answered is not None:
            yield answered


def answered_line(value: Any) -> Answered | None:
    """Return what one result says, None if it is none or was not answered."""
    response = member(value, "response")
    if isinstance(member(response, "usageMetadata"), dict):  # Gemini's, by key in a file, without one in a state
        usage = gemini_usage(response["usageMetadata"], member(response, "candidates"))
        return text_member(response, "modelVersion"), usage or Usage()
    if not _is_result(value):
        return None
    message = member(member(value, "result"), "message")
    if message is not None:
        return text_member(message, "model"), anthropic_usage(member(message, "usage")) or Usage()
    answer = member(response, "body")
    if not isinstance(member(answer, "usage"), dict):
        return None
    is_vectors = isinstance(member(answer, "data"), list)
    usage = embedding_usage(answer["usage"]) if is_vectors else chat_usage(answer)
    return text_member(answer, "model"), usage or Usage()


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and "custom_id" in value
