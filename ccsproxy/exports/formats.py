"""The registry of export formats: one line each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.curl import curl
from ccsproxy.exports.har import har, session_har
from ccsproxy.exports.markdown import markdown
from ccsproxy.exports.page import page
from ccsproxy.exports.plain import as_json, session_jsonl
from ccsproxy.exports.raw import raw
from ccsproxy.exports.session.session import SessionExtras, session_markdown, session_page

ExchangeWriter = Callable[[Mapping[str, Any], Upstreams], Iterator[str]]
SessionWriter = Callable[[Mapping[str, Any], Iterable[Mapping[str, Any]], Upstreams, SessionExtras], Iterator[str]]


@attr.frozen
class ExchangeFormat:
    """A format for one exchange; pieces are text, to be encoded with `ccsproxy.exports.payload.encoded`."""

    media_type: str
    extension: str
    write: ExchangeWriter


@attr.frozen
class SessionFormat:
    """A format for a session; records are consumed one by one."""

    media_type: str
    extension: str
    write: SessionWriter


EXCHANGE: Mapping[str, ExchangeFormat] = {
    "raw": ExchangeFormat("text/plain; charset=utf-8", "http", raw),
    "md": ExchangeFormat("text/markdown; charset=utf-8", "md", markdown),
    "json": ExchangeFormat("application/json", "json", as_json),
    "har": ExchangeFormat("application/json", "har", har),
    "curl": ExchangeFormat("text/plain; charset=utf-8", "sh", curl),
    "html": ExchangeFormat("text/html; charset=utf-8", "html", page),
}

SESSION: Mapping[str, SessionFormat] = {
    "md": SessionFormat("text/markdown; charset=utf-8", "md", session_markdown),
    "jsonl": SessionFormat("application/jsonl", "jsonl", session_jsonl),
    "har": SessionFormat("application/json", "har", session_har),
    "html": SessionFormat("text/html; charset=utf-8", "html", session_page),
}
