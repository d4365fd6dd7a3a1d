"""The tools that ``ccsproxy mcp`` offers, one row each; all are read-only."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import attr
import msgspec

from ccsproxy.exports.session.session import SessionExtras, session_markdown
from ccsproxy.store.query import parse_query, parse_time
from ccsproxy.store.reader.aggregates.costs import GROUPS, PARTS
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.answering import one_call, place_of
from ccsproxy.tools.asking import full_session, moment
from ccsproxy.tools.printing import Paint
from ccsproxy.tools.records.brief import brief

#: Maximum and default number of rows in a list.
_MOST, _ROWS = 200, 20
#: The members of a row that an agent needs in order to choose.
_SHOWN = (
    *("session_id", "seq", "started_at", "client", "model", "outcome", "status", "prompt_tokens", "output_tokens"),
    *(
        "cost",
        "duration_ms",
        "preview",
        "error_message",
        "excerpt",
        "title",
        "request_count",
        "cwd",
        "total_output_tokens",
    ),
)
_PLACE = {"type": "string", "description": "SESSION/SEQ as returned by search_calls; or last"}
_SESSION = {"type": "string", "description": "a session's id, or a part of one; or last"}
_QUERY = {
    "type": "string",
    "description": "fields and words: model:opus tool:Bash status:>=400 cost:>0.5 cwd:shop since:7d sort:-cost",
}
_BY: dict[str, Any] = {"type": "string", "enum": [*GROUPS, *PARTS]}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": _MOST}

Arguments = Mapping[str, Any]


@attr.frozen
class McpTool:
    """One tool.

    :ivar properties: JSON schemas of its arguments, by name.
    :ivar required: names of the required arguments.
    :ivar run: returns the response; raises ValueError, CommandError or NotKept with a sentence.
    """

    name: str
    description: str
    properties: Mapping[str, Any]
    required: tuple[str, ...]
    run: Callable[[Reader, Arguments], str]

    def described(self) -> dict[str, Any]:
        """Return its description for clients."""
        schema = {"type": "object", "properties": dict(self.properties), "required": list(self.required)}
        hints = {"readOnlyHint": True, "openWorldHint": False}
        return {"name": self.name, "description": self.description, "inputSchema": schema, "annotations": hints}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _rows(rows: Any) -> str:
    return (
        "\n".join(_json({name: row[name] for name in _SHOWN if row.get(name) is not None}) for row in rows) or "none"
    )


def _limit(given: Arguments) -> int:
    return max(1, min(_MOST, int(given.get("limit") or _ROWS)))


def _sessions(reader: Reader, given: Arguments) -> str:
    return _rows(reader.sessions(SessionQuery(limit=_limit(given))))


def _search(reader: Reader, given: Arguments) -> str:
    return _rows(reader.requests(parse_query({"q": str(given["query"]), "limit": str(_limit(given))})).items)


def _call(reader: Reader, given: Arguments) -> str:
    return "\n".join(brief(reader.record(*one_call(reader, str(given["call"]))), Paint(io.StringIO())))


def _conversation(reader: Reader, given: Arguments) -> str:
    sid = full_session(reader, str(given["session"]))
    session = reader.session(sid)
    return "".join(
        session_markdown(session["meta"], reader.each(sid, session["requests"]), {}, SessionExtras(reader.price))
    )


def _why(reader: Reader, given: Arguments) -> str:
    session, seq = place_of(reader, str(given["place"]))
    insights = Insights(reader)
    if seq is not None:
        return _json(insights.why(session, seq))
    found = insights.conversation(session)
    return _json(
        {"totals": found["totals"], "findings": insights.findings(session), "weights": insights.weights(session)}
    )


def _cost(reader: Reader, given: Arguments) -> str:
    by, query = given.get("by") or "project", parse_query({"q": str(given.get("query") or "")})
    if by not in _BY["enum"]:
        raise ValueError(f"by is one of {', '.join(_BY['enum'])}")
    found = Insights(reader).costs(by, query)
    return _json({"total": found["total"], "rows": found["rows"][:_MOST]})


def _findings(reader: Reader, given: Arguments) -> str:
    since = str(given.get("since") or "7d")
    return _json(Insights(reader).findings_since(parse_time(moment(since)))[:_MOST])


TOOLS = (
    McpTool("list_sessions", "The newest recorded sessions of coding agents: title, client, calls, cost.",
            {"limit": _LIMIT}, (), _sessions),
    McpTool("search_calls", "Find recorded calls to models by fields and words, the newest first.",
            {"query": _QUERY, "limit": _LIMIT}, ("query",), _search),
    McpTool("show_call", "One call's request and response, in brief; secrets are replaced.", {"call": _PLACE},
            ("call",), _call),
    McpTool("show_conversation", "A complete session as a conversation, each text once; may be long.",
            {"session": _SESSION}, ("session",), _conversation),
    McpTool("why", "Why a call or a session cost what it cost: price, cache verdict, time, findings.",
            {"place": {"type": "string", "description": "SESSION/SEQ or SESSION; or last"}}, ("place",), _why),
    McpTool("cost", "Sums of cost and tokens.", {"by": _BY, "query": _QUERY}, (),
            _cost),
    McpTool("findings", "What is worth knowing about the newest sessions, most expensive first.",
            {"since": {"type": "string", "description": "2h, 7d, or a time; default 7d"}}, (), _findings),
)  # fmt: skip
