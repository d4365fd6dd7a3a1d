"""Readable views of requests and answers, in one shape for all dialects."""

from typing import Any

from ccsproxy.dialects.views import anthropic, assistants, chat, cohere, converse, gemini, responses
from ccsproxy.dialects.views.blocks import Block, Message, RequestView, Tool, json_block

__all__ = ["Block", "Message", "RequestView", "Tool", "answer_view", "request_view"]

_VIEWS = {
    "anthropic": anthropic,
    "openai_responses": responses,
    "openai_chat": chat,
    "ollama": chat,
    "gemini": gemini,
    "cohere": cohere,
    "openai_assistants": assistants,
}


def request_view(dialect: str | None, body: Any) -> RequestView:
    """Return the view of a request body; accepts any JSON value.

    :param dialect: the dialect's name; None or an unknown name for unknown formats.
    """
    if not isinstance(body, dict):
        return RequestView(messages=() if body is None else (Message("user", (json_block(body),)),))
    if dialect == "bedrock":
        return (anthropic if "anthropic_version" in body else converse).request_view(body)
    view = _VIEWS.get(dialect or "")
    return RequestView(params=body) if view is None else view.request_view(body)


def answer_view(dialect: str | None, body: Any) -> Message:
    """Return the view of an answer body, complete or not; accepts any JSON value.

    :param dialect: the dialect's name; None or an unknown name for unknown formats.
    """
    message = Message("assistant")
    if isinstance(body, dict):
        if dialect == "bedrock":
            message = (converse if "output" in body else anthropic).answer_view(body)
        elif view := _VIEWS.get(dialect or ""):
            message = view.answer_view(body)
    if message.blocks or body is None:
        return message
    # An error, an unknown format or an empty answer: the value itself is better than an empty view.
    return Message(message.role, (json_block(body),))
