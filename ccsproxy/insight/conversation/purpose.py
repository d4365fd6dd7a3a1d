"""The purpose of a call: a step of the conversation, or one of the clients' side calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dialects.views.blocks import fields, items
from ccsproxy.insight.facts import Item
from ccsproxy.insight.prompt import markers
from ccsproxy.wire.jsontext import JsonError, loads

_CLASSES = {"main": "main", "subagent": "main", "workflow": "main", "compaction": "compaction", "side_reply": "other"}


def purpose_of(record: Mapping[str, Any], body: Any, found: Sequence[Item]) -> str:
    """Return the purpose of a call (see `ccsproxy.insight.facts.Call`)."""
    category = record.get("category")
    if category != "model":
        return "count" if category == "count_tokens" else "other"
    headers = fields(fields(record.get("request")).get("headers"))
    texts = _texts(found)
    request_class = _CLASSES.get(str(headers.get("x-claude-code-request-class")))
    if request_class == "main" and not headers.get("x-claude-code-compaction"):
        return request_class
    if request_class == "compaction" or headers.get("x-claude-code-compaction") or _compacts(record, headers, texts):
        return "compaction"
    if _is_title(body, texts):
        return "title"
    if texts[-1:] == ["quota"] and fields(body).get("max_tokens") == 1:
        return "quota"
    if headers.get("x-claude-code-request-class"):
        return "other"
    return _by_shape(headers, body)


def _texts(found: Sequence[Item]) -> list[str]:
    """Return the beginnings of the system prompt and of the newest message."""
    system = [part.quote for item in found if item.level == "system" for part in item.parts]
    last = next((item for item in reversed(found) if item.level == "messages"), None)
    return system + ([part.quote for part in last.parts] if last else [])


def _compacts(record: Mapping[str, Any], headers: Mapping[str, Any], texts: Sequence[str]) -> bool:
    path = str(fields(record.get("request")).get("path") or "").partition("?")[0]
    if path.endswith("/responses/compact") or _request_kind(headers) == "compaction":
        return True
    return any(map(markers.asks_for_summary, texts))


def _request_kind(headers: Mapping[str, Any]) -> str:
    """Return the kind of request that Codex states."""
    try:
        return str(fields(loads(str(headers.get("x-codex-turn-metadata") or "{}"))).get("request_kind") or "")
    except JsonError:
        return ""


def _is_title(body: Any, texts: Sequence[str]) -> bool:
    schema = fields(fields(fields(body).get("output_config")).get("format")).get("schema")
    wanted = fields(fields(schema).get("properties"))
    untooled = not items(fields(body).get("tools"))
    return untooled and ("title" in wanted or any(map(markers.asks_for_title, texts)))


def _by_shape(headers: Mapping[str, Any], body: Any) -> str:
    """Judge a call by the form of its request: a JSON schema for the answer and no tools mean classification."""
    if _request_kind(headers) in ("prewarm", "memory") or fields(body).get("generate") is False:
        return "other"
    if headers.get("x-openai-subagent") in ("compact", "memory_consolidation", "guardian"):
        return "compaction" if headers.get("x-openai-subagent") == "compact" else "other"
    config = fields(fields(fields(body).get("request") or body).get("generationConfig"))
    schema = fields(config.get("responseJsonSchema") or config.get("responseSchema"))
    if any(name.startswith("complexity") for name in fields(schema.get("properties"))):
        return "classifier"
    return "main"
