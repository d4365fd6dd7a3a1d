"""The attributes of a call's span, derived from its record."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.providers.price_book import provider_of
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.span import Attributes, Value

Record = Mapping[str, Any]
#: Path suffixes of operations other than a chat.
_OPERATIONS = (
    ("/embeddings", "embeddings"),
    (":embedContent", "embeddings"),
    (":batchEmbedContents", "embeddings"),
    ("/embed", "embeddings"),
    ("/chat/completions", "chat"),
    ("/completions", "text_completion"),
)
#: Where Gemini, Bedrock's Converse and Ollama keep the settings besides the prompt.
_CONFIGS = ("generationConfig", "inferenceConfig", "options")
#: Endings that are not failures: the user, or we, have stopped the call.
_STOPPED = frozenset({"client_disconnected", "shutdown"})


def resource_of(record: Record) -> tuple[tuple[str, str], ...]:
    """Return the resource of a call: the agent is the service, the machine its instance."""
    client, labels = fields(record.get("client")), fields(record.get("labels"))
    host = str(labels.get("host") or "")
    attributes = {
        names.SERVICE_NAME: client.get("name") or "ccsproxy",
        names.SERVICE_VERSION: client.get("version"),
        names.SERVICE_INSTANCE: host,
        names.HOST_NAME: host,
    }
    return tuple((name, str(value)) for name, value in attributes.items() if value)


def common(record: Record) -> Attributes:
    """Return the attributes common to the spans of a session."""
    labels, client = fields(record.get("labels")), fields(record.get("client"))
    attributes: Attributes = {}
    session = str(record.get("session_id") or "")
    attributes[names.SESSION_ID] = attributes[names.CONVERSATION_ID] = session
    _put(attributes, names.USER_ID, labels.get("user") or client.get("account"))
    for key, value in labels.items():
        if key not in ("user", "host"):
            attributes[f"ccsproxy.label.{key}"] = str(value)
    return attributes


def operation_of(record: Record) -> str | None:
    """Return the conventions' name for the operation; None if no model was called."""
    if record.get("category") != "model":
        return None
    path = str(fields(record.get("request")).get("path") or "").partition("?")[0].rstrip("/")
    found = next((operation for end, operation in _OPERATIONS if path.endswith(end)), None)
    return found or ("generate_content" if record.get("dialect") == "gemini" else "chat")


def provider_name(record: Record) -> str:
    """Return the provider's name according to the conventions."""
    upstream = str(record.get("upstream") or "")
    known = provider_of(upstream, str(record.get("upstream_url") or ""))
    if known:
        return names.PROVIDERS.get(known, known)
    return names.OF_DIALECT.get(str(record.get("dialect")), upstream or "_OTHER")


def error_type(record: Record) -> str | None:
    """Return the error class of a call; None if its response is complete.

    For an HTTP error it is the status, for another error of the provider its kind, otherwise the record's outcome.
    """
    outcome = record.get("outcome")
    if outcome == "complete":
        return None
    if outcome == "http_error":
        return str(fields(record.get("response")).get("status") or outcome)
    kind = fields(record.get("error")).get("kind")
    return str(kind or outcome) if outcome == "stream_error" else str(outcome)


def failure(record: Record) -> str | None:
    """Return the status message of a failed call, None if it did not fail."""
    if error_type(record) is None or record.get("outcome") in _STOPPED:
        return None
    return str(fields(record.get("error")).get("message") or "")


def server(record: Record) -> Attributes:
    """Return the server behind this proxy."""
    try:
        split = urlsplit(str(record.get("upstream_url") or ""))
        port = split.port or {"https": 443, "http": 80}.get(split.scheme)
    except ValueError:
        return {}
    attributes: Attributes = {}
    _put(attributes, names.SERVER_ADDRESS, split.hostname)
    if split.hostname:
        _put(attributes, names.SERVER_PORT, port)
    return attributes


def span_name(record: Record) -> str:
    """Return the name of a call's span."""
    operation = operation_of(record)
    if operation is not None:
        return f"{operation} {record['model']}" if record.get("model") else operation
    return str(fields(record.get("request")).get("method") or "HTTP")


def call_attributes(record: Record) -> Attributes:
    """Return a span's attributes about the call, without its content."""
    request, response = fields(record.get("request")), fields(record.get("response"))
    attributes: Attributes = {**common(record), **server(record)}
    _put(attributes, names.ERROR_TYPE, error_type(record))
    _put(attributes, names.HTTP_METHOD, request.get("method"))
    _put(attributes, names.HTTP_STATUS, response.get("status"))
    _put(attributes, names.URL_PATH, str(request.get("path") or "").partition("?")[0])
    attributes["ccsproxy.record.id"] = str(record.get("id"))
    attributes["ccsproxy.record.seq"] = int(record.get("seq") or 0)
    attributes["ccsproxy.outcome"] = str(record.get("outcome"))
    attributes["ccsproxy.upstream"] = str(record.get("upstream"))
    _put(attributes, "ccsproxy.category", record.get("category"))
    _put(attributes, names.RESPONSE_MODEL, record.get("response_model"))
    if operation_of(record) is not None:
        attributes.update(_of_model_call(record, fields(request.get("body")), response))
    return attributes


def _of_model_call(record: Record, body: Mapping[str, Any], response: Mapping[str, Any]) -> Attributes:
    client, timing = fields(record.get("client")), fields(record.get("timing"))
    answer = fields(response.get("body_reassembled"))
    attributes: Attributes = {names.OPERATION: operation_of(record) or "", names.PROVIDER: provider_name(record)}
    _put(attributes, names.REQUEST_MODEL, record.get("model"))
    _put(attributes, names.RESPONSE_ID, answer.get("id") or answer.get("responseId"))
    _put(attributes, names.AGENT_NAME, client.get("name"))
    _put(attributes, names.AGENT_VERSION, client.get("version"))
    _put(attributes, names.AGENT_ID, client.get("agent"))
    _put(attributes, names.PREVIOUS_RESPONSE, body.get("previous_response_id"))
    _put(attributes, names.REASONING_LEVEL, _reasoning(body))
    # Only for a stream: the convention is about the first chunk, which a non-streamed response does not have.
    if "stream" in response:
        attributes[names.STREAM] = True
        if timing.get("first_byte") is not None:
            attributes[names.TIME_TO_FIRST_CHUNK] = timing["first_byte"] / 1e3
    if record.get("ttft_ms") is not None:
        attributes["ccsproxy.time_to_first_token"] = record["ttft_ms"] / 1e3
    if record.get("stop_reason") or record.get("outcome") != "complete":
        attributes[names.FINISH_REASONS] = [str(record.get("stop_reason") or "error")]
    attributes.update(settings(body))
    attributes.update(usage_attributes(fields(record.get("usage"))))
    return attributes


def _reasoning(body: Mapping[str, Any]) -> Any:
    """Return the requested reasoning effort, in the provider's word."""
    for holder in (fields(body.get("reasoning")), fields(body.get("output_config")), fields(body.get("thinking"))):
        if isinstance(holder.get("effort"), str):
            return holder["effort"]
    return body.get("reasoning_effort")


def settings(body: Mapping[str, Any]) -> Attributes:
    """Return the settings of a request besides the prompt."""
    config = (
        fields(body.get("generationConfig")) or fields(body.get("inferenceConfig")) or fields(body.get("options"))
    )
    attributes: Attributes = {}
    for name, (kind, spellings) in names.REQUEST_SETTINGS.items():
        value = next((each[key] for each in (body, config) for key in spellings if key in each), None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[name] = kind(value)
    # The conventions require it only if it is not one ("gen-ai-spans").
    if attributes.get("gen_ai.request.choice.count") == 1:
        del attributes["gen_ai.request.choice.count"]
    stops = body.get("stop_sequences", body.get("stop", config.get("stopSequences")))
    if isinstance(stops, list) and stops and all(isinstance(each, str) for each in stops):
        attributes[names.STOP_SEQUENCES] = stops
    return attributes


def usage_attributes(usage: Mapping[str, Any]) -> Attributes:
    """Return token counts according to the conventions: the input includes cache reads and writes.

    An unknown count is omitted, and the sum with it.
    """
    attributes: Attributes = {}
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    if usage.get("input_tokens") is not None:
        attributes[names.INPUT_TOKENS] = usage["input_tokens"] + (read or 0) + (written or 0)
    _put(attributes, names.OUTPUT_TOKENS, usage.get("output_tokens"))
    _put(attributes, names.CACHE_READ, read)
    _put(attributes, names.CACHE_WRITE, written)
    _put(attributes, names.CACHE_WRITE_BEFORE, written)
    _put(attributes, names.REASONING_TOKENS, usage.get("reasoning_tokens"))
    return attributes


def _put(attributes: Attributes, name: str, value: Any) -> None:
    """Set an attribute whose value is known."""
    if isinstance(value, str | bool | int | float) and value != "":
        good: Value = value
        attributes[name] = good
