"""An exchange as a shell command that sends the request again, with placeholders where secrets were."""

import base64
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ccsproxy.exports.address import Upstreams, exchange_url, is_known
from ccsproxy.exports.payload import Payload, header_pairs, request_payload
from ccsproxy.providers.key_variables import KeyVariable, key_variables
from ccsproxy.providers.registry import provider_at

PLACEHOLDER = "<redacted>"

#: Linux rejects an argument of 128 KiB; a longer body is piped: the shell's built-in printf has no limit.
LARGEST_ARGUMENT = 100_000

#: curl sets these itself, or they concern only the connection to the proxy.
_LEFT_OUT = frozenset(
    {"host", "content-length", "content-encoding", "accept-encoding", "connection", "keep-alive", "expect"}
    | {"proxy-connection", "proxy-authorization", "transfer-encoding", "te", "trailer", "upgrade"}
)
_KEY_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key"})
_SECRET = _KEY_HEADERS | {"anthropic-api-key", "openai-api-key", "cookie"}
_REDACTED = re.compile(r"<redacted>|%3[Cc]redacted%3[Ee]")


def curl(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write the command, for a POSIX shell; all captured text in it is quoted."""
    payload = request_payload(record)
    if not is_known(record, upstreams):
        yield "# This upstream is not in the configuration any more: put its URL in place of the .invalid host.\n"
    if PLACEHOLDER in (payload.text or ""):
        yield "# The body holds <redacted> where a secret was captured.\n"
    if payload.missing:
        yield "# The body was not kept: this sends the request without it.\n"
    before, arguments = _body(payload)
    yield (
        before
        + " \\\n  ".join(["curl", *_target(record, upstreams), *_headers(record, payload, upstreams), *arguments])
        + "\n"
    )


def _target(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    url = exchange_url(record, upstreams)
    yield _quoted(url, _variables(record, upstreams)[0].variable)
    # curl would expand brackets and braces to several URLs.
    if re.search(r"[][{}]", url):
        yield "--globoff"
    # curl would resolve dot segments first; what was sent contained them.
    if re.search(r"/\.{1,2}(/|\?|$)", url):
        yield "--path-as-is"
    method = str((record.get("request") or {}).get("method") or "GET")
    # With -X HEAD curl waits for a body that never comes.
    if method == "HEAD":
        yield "--head"
    elif method != "GET" or request_payload(record).is_kept:
        yield f"-X {shlex.quote(method)}"
    if ((record.get("response") or {}).get("stream")) is not None:
        yield "--no-buffer"


def _headers(record: Mapping[str, Any], payload: Payload, upstreams: Upstreams) -> Iterator[str]:
    pairs = header_pairs(record.get("request") or {})
    for name, value in pairs:
        low = name.lower()
        # The header itself would print compressed bytes to the terminal.
        if low == "accept-encoding":
            yield "--compressed"
        elif low not in _LEFT_OUT:
            yield f"-H {_header(name, value, record, upstreams)}"
    if payload.is_kept:
        # curl declares data as a form unless told otherwise; the request had no Content-Type.
        if not any(name.lower() == "content-type" for name, _ in pairs):
            yield "-H 'content-type:'"
        # For bodies above a mebibyte curl sends Expect and waits a second, which no agent does.
        yield "-H 'expect:'"


def _header(name: str, value: str, record: Mapping[str, Any], upstreams: Upstreams) -> str:
    # For curl "Name:" removes a header; with a semicolon it sends an empty one.
    if not value:
        return shlex.quote(f"{name};")
    variable = _variable(name, record, upstreams)
    if name.lower() in _SECRET and not _REDACTED.search(value):
        scheme, space, _ = value.partition(" ")
        value = f"{scheme} {PLACEHOLDER}" if space and name.lower() == "authorization" else PLACEHOLDER
    return _quoted(f"{name}: {value}", variable)


def _variable(name: str, record: Mapping[str, Any], upstreams: Upstreams) -> str:
    low = name.lower()
    if low not in _KEY_HEADERS:
        return re.sub(r"\W", "_", low, flags=re.ASCII).upper()
    variables = _variables(record, upstreams)
    return next((each.variable for each in variables if each.field == low), variables[0].variable)


def _variables(record: Mapping[str, Any], upstreams: Upstreams) -> tuple[KeyVariable, ...]:
    """Return the environment variables of the host's provider, else those of the upstream's NAME."""
    known = provider_at(urlsplit(exchange_url(record, upstreams)).hostname or "")
    return key_variables(known.name if known else str(record.get("upstream") or ""))


def _quoted(text: str, variable: str) -> str:
    """Quote text for the shell, with the variable's value in place of a redacted secret."""
    pieces = _REDACTED.split(text)
    return f'"${{{variable.lstrip("_")}}}"'.join(shlex.quote(piece) if piece else "" for piece in pieces)


def _body(payload: Payload) -> tuple[str, list[str]]:
    """Return the part before the command, and the arguments for the body."""
    if not payload.is_kept:
        return "", []
    text = payload.text
    # An argument cannot contain a zero byte.
    if text is None or "\0" in text:
        return f"printf %s '{base64.b64encode(payload.content).decode()}' | base64 -d | ", ["--data-binary @-"]
    if len(payload.content) > LARGEST_ARGUMENT:
        return f"printf %s {shlex.quote(text)} | ", ["--data-binary @-"]
    return "", [f"--data-raw {shlex.quote(text)}"]
