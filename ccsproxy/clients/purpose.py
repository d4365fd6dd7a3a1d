"""The purpose of a model call: the conversation itself, or one of the side calls that agents make."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ccsproxy.clients.call import OBJECT

#: How many characters of the instructions are searched.
_INSTRUCTIONS = 3000


class Purpose(StrEnum):
    """What a call is for."""

    MAIN = "main"
    TITLE = "title"
    QUOTA = "quota"
    COMPACTION = "compaction"
    SIDE = "side"


#: Instructions for calls that ask for a title: OpenCode, Kilo, Crush, Goose, Continue, Copilot, Claude Code, Open
#: WebUI.
_TITLE = re.compile(
    r"title generator|crafting pithy titles|description of this session in \d words or less|"
    r"(?:generate|create|write|provide|craft|suggest|produce|give|reply with|come up with|summari[sz]e)\b[^.\n]{0,80}"
    r"\b(?:thread |session |chat |conversation |short |concise |brief )?title\b(?! page)",
    re.IGNORECASE,
)
#: Instructions for calls that summarise the conversation: Claude Code, Codex, Gemini CLI, OpenCode.
_COMPACTION = re.compile(
    r"helpful AI assistant tasked with summarizing conversations|summarizes internal chat history|"
    r"CONTEXT CHECKPOINT COMPACTION|anchored (?:context )?summar|"
    r"create a detailed summary of (?:the|our) conversation",
    re.IGNORECASE,
)
#: Instructions for other side calls: Claude Code's classifiers, Gemini CLI's router, Open WebUI's tags and questions.
_SIDE = re.compile(
    r"Your task is to process Bash commands that an AI coding agent wants to run|"
    r"Analyze if this message indicates a new conversation topic|specialized Task Routing AI|"
    r"Extract any file paths that this command reads or modifies|"
    r"broad tags categorizing the main themes|Suggest \d-\d relevant follow-up questions",
    re.IGNORECASE,
)
_SIDE_WORDS = (
    *("bash commands", "new conversation topic", "task routing ai", "file paths that", "broad tags"),
    "follow-up questions",
)
#: In this order, each with words of which one must occur: a case-insensitive search is slow on long texts.
_TOLD = (
    (_COMPACTION, ("summar", "checkpoint compaction"), Purpose.COMPACTION),
    (_SIDE, _SIDE_WORDS, Purpose.SIDE),
    (_TITLE, ("title", "description of this session"), Purpose.TITLE),
)
#: Claude Code states it in a header, since 2.1.3xx.
_BY_CLASS = {"auxiliary": Purpose.SIDE, "side_reply": Purpose.SIDE, "compaction": Purpose.COMPACTION}


def purpose_of(body: Mapping[str, Any], request_class: str = "") -> Purpose:
    """Determine the purpose of a call.

    :param body: the request's JSON; the end of a long conversation is enough.
    :param request_class: the header ``x-claude-code-request-class``, empty if there is none.
    """
    inner = body.get("request")
    inner = inner if isinstance(inner, OBJECT) else body
    # The two purposes that the body proves come first: the header calls both auxiliary, and a title has its own
    # purpose.
    if _is_quota_probe(inner):
        return Purpose.QUOTA
    if _asks_for_title(inner):
        return Purpose.TITLE
    if request_class in _BY_CLASS:
        return _BY_CLASS[request_class]
    # A call with tools does real work; and a user's own words about titles must not make a turn a request for a
    # title.
    if inner.get("tools"):
        return Purpose.MAIN
    return _by_instructions("\n".join(_instructions(inner))[:_INSTRUCTIONS])


@lru_cache(256)
def _by_instructions(instructions: str) -> Purpose:
    """Determine the purpose of a call without tools by its instructions; most calls of a session have the same."""
    # In lower case once, for a dozen plain searches: they rule out nearly every call before a pattern is tried.
    lower = instructions.casefold()
    for pattern, needed, purpose in _TOLD:
        if any(word in lower for word in needed) and pattern.search(instructions):
            return purpose
    return Purpose.MAIN


def _is_quota_probe(body: Mapping[str, Any]) -> bool:
    """Recognise Claude Code's call that only wants the headers with the limits: one token, the single word
    ``quota``.
    """
    messages = body.get("messages")
    if body.get("max_tokens") != 1 or not isinstance(messages, list) or len(messages) != 1:
        return False
    return [text.strip() for text in _texts(messages[0])] in (["quota"], ["test"], ["."])


def _asks_for_title(body: Mapping[str, Any]) -> bool:
    """Tell whether the requested output format is an object with a title and hardly anything else."""
    schema = _schema(body)
    properties = schema.get("properties") if isinstance(schema, OBJECT) else None
    return isinstance(properties, OBJECT) and "title" in properties and len(properties) <= 2


def _schema(body: Mapping[str, Any]) -> Any:
    """Return the JSON schema of the output, wherever the dialect has it."""
    for path in _SCHEMAS:
        if path[0] not in body:
            continue
        value: Any = body
        for name in path:
            value = value.get(name) if isinstance(value, OBJECT) else None
        if isinstance(value, OBJECT):
            return value
    return None


_SCHEMAS = (
    ("output_config", "format", "schema"),
    ("output_format", "schema"),
    ("response_format", "json_schema", "schema"),
    ("text", "format", "schema"),
    ("generationConfig", "responseJsonSchema"),
    ("generationConfig", "responseSchema"),
    ("format",),
)


def _instructions(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that instruct the model: instructions, then the first message of a short call."""
    for name in ("system", "instructions", "systemInstruction", "system_instruction", "preamble"):
        yield from _texts(body.get(name))
    for name in ("messages", "input", "contents"):
        turns = body.get(name)
        turns = turns if isinstance(turns, list) else []
        for turn in turns[:2]:
            if isinstance(turn, OBJECT) and (turn.get("role") in ("system", "developer") or len(turns) <= 3):
                yield from _texts(turn)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a message, its blocks or parts."""
    if value is None:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 4:
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, OBJECT) and depth < 4:
        for name in ("text", "content", "parts"):
            yield from _texts(value.get(name), depth + 1)
