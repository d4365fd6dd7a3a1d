"""An exchange arranged for reading: sections of facts and blocks, from which Markdown and HTML are written."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import Upstreams, exchange_url
from ccsproxy.exports.conversation import answer_section, request_sections
from ccsproxy.exports.payload import Payload, header_pairs, pretty, request_payload, response_payload
from ccsproxy.exports.sections import ReportBlock, Section

_NAMES = (
    *("session_id", "seq", "request_id", "started_at", "duration_ms", "ttft_ms"),
    *("upstream", "dialect", "category", "model", "response_model"),
)


def title(record: Mapping[str, Any]) -> str:
    """Return a heading for an exchange."""
    request = record.get("request") or {}
    return f"{record.get('seq')}. {request.get('method') or 'GET'} {request.get('path') or '/'}"


def sections(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[Section]:
    """Arrange an exchange: overview, usage, heads and bodies."""
    yield Section("Overview", _overview(record, upstreams))
    usage = {name: value for name, value in (record.get("usage") or {}).items() if name != "raw"}
    if any(value is not None for value in usage.values()):
        yield Section("Usage", _facts(usage, tuple(usage)))
    request = record.get("request") or {}
    yield Section("Request headers", blocks=(ReportBlock("", _head(request), "http"),))
    if isinstance(request.get("body"), dict):
        yield from request_sections(record.get("dialect"), request["body"])
    else:
        yield Section("Request", blocks=_body(request.get("body"), request_payload(record)))
    response = record.get("response")
    if response:
        yield Section("Response headers", blocks=(ReportBlock("", _head(response), "http"),))
        answer = response.get("body_reassembled")
        if isinstance(answer, dict):
            yield answer_section(record.get("dialect"), answer)
        else:
            yield Section("Response", blocks=_body(answer, response_payload(record)))


def _overview(record: Mapping[str, Any], upstreams: Upstreams) -> tuple[tuple[str, str], ...]:
    response = record.get("response") or {}
    error = record.get("error") or {}
    status = " ".join(str(part) for part in (response.get("status"), response.get("reason")) if part)
    return (
        ("url", exchange_url(record, upstreams)),
        *_facts(record, _NAMES),
        *((("status", status),) if status else ()),
        *_facts(record, ("outcome", "stop_reason")),
        *((("error", f"{error.get('kind')}: {error.get('message')}"),) if error else ()),
        *((("partial", "yes: the response is incomplete"),) if record.get("partial") else ()),
    )


def _facts(source: Mapping[str, Any], names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _formatted(source[name])) for name in names if source.get(name) is not None)


def _formatted(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_formatted(item)}" for name, item in value.items() if item is not None)
    return str(value)


def _head(part: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in header_pairs(part))


def _body(body: Any, payload: Payload) -> tuple[ReportBlock, ...]:
    if isinstance(body, str):
        return (ReportBlock("", body),)
    if body is not None:
        return (ReportBlock("", pretty(body), "json"),)
    if payload.text:
        return (ReportBlock("stream as received", payload.text),)
    if payload.binary is not None:
        return (ReportBlock("", f"[{len(payload.binary)} bytes of {payload.media_type or 'binary data'}]"),)
    return (ReportBlock("", payload.missing or "[no body]"),)
