"""JSON schemas of the derived answers, for the OpenAPI document."""

from collections.abc import Mapping

from ccsproxy.api.openapi.schema_forms import COUNT, FLAG, NUMBER, TEXT, Schema, every, maybe, members, ref
from ccsproxy.store.state.annotations import LONGEST_NOTE, MOST_TAGS, TAG_PATTERN

_SUMS = {
    "cost": maybe("number"),
    "unpriced": COUNT,
    "requests": COUNT,
    "errors": COUNT,
    "input_tokens": maybe("integer"),
    "cached_tokens": maybe("integer"),
    "output_tokens": maybe("integer"),
}
_TIMES = members(
    dict.fromkeys(("total", "model", "waiting", "streaming", "stalled", "tools", "backoff", "user", "proxy"), NUMBER),
    about="Seconds; proxy is contained in the others.",
)
_RESULT = members({"quote": TEXT, "bytes": COUNT, "tokens": COUNT, "failed": FLAG})
_TOOL_CALL = members(
    {
        "id": maybe("string"),
        "name": TEXT,
        "input": TEXT,
        "target": maybe("string"),
        "result": {"anyOf": [_RESULT, {"type": "null"}]},
        "seconds": maybe("number"),
    }
)
_STEP = members(
    {
        "seq": COUNT,
        "started_at": TEXT,
        "seconds": NUMBER,
        "model": maybe("string"),
        "outcome": TEXT,
        "cost": maybe("number"),
        "input_tokens": maybe("integer"),
        "cached_tokens": maybe("integer"),
        "output_tokens": maybe("integer"),
        "thinking": maybe("string"),
        "text": maybe("string"),
        "calls": every(ref("ToolCall")),
        "retries": every(COUNT),
        "agents": every(ref("Agent")),
        "cache": maybe("string"),
        "times": ref("Times"),
    }
)
_FINDING = members(
    {
        "kind": TEXT,
        "text": TEXT,
        "session_id": TEXT,
        "seq": maybe("integer"),
        "cost": maybe("number"),
        "seconds": maybe("number"),
        "links": every(members({"seq": COUNT, "text": TEXT})),
    },
    {"title": maybe("string")},
)
_STALLED = members(
    {
        "model": maybe("string"),
        "calls": COUNT,
        "stalls": COUNT,
        "seconds": {"type": "number"},
        "longest_s": {"type": "number"},
        "worst": members({"session_id": TEXT, "seq": COUNT}),
    }
)
_PART = members(
    {
        "kind": TEXT,
        "name": maybe("string"),
        "server": maybe("string"),
        "tokens": COUNT,
        "cached_tokens": COUNT,
        "cost": maybe("number"),
        "resent": COUNT,
        "bytes": COUNT,
    }
)
_CACHE = members(
    {
        "session_id": TEXT,
        "seq": COUNT,
        "verdict": {
            "enum": ["hit", "partial", "miss", "cold", "expired", "changed", "rewritten", "unset", "unknown"]
        },
        "cause": TEXT,
        "causes": every(TEXT),
        "part": maybe("string"),
        "place": maybe("string"),
        "first_difference": maybe("string"),
        "expected_tokens": maybe("integer"),
        "read_tokens": maybe("integer"),
        "written_tokens": maybe("integer"),
        "lost_tokens": COUNT,
        "lost_cost": maybe("number"),
        "certain": FLAG,
        "previous": maybe("integer"),
        "gap_s": maybe("number"),
        "provider": {},
        "exact": maybe("object"),
    }
)
_COST = members(
    {
        "session_id": TEXT,
        "seq": COUNT,
        "model": maybe("string"),
        **{name: maybe("number") for name in ("total", "read", "write", "input", "output", "other")},
        "at_least": FLAG,
        "tokens": {"type": "object"},
        "rates": maybe("object"),
        "gap": maybe("string"),
        "share_of_session": maybe("number"),
        "session": {"type": "object"},
    }
)
_VERSION = members(
    {
        "id": TEXT,
        "kind": {"enum": ["system", "tools"]},
        "first_seen": TEXT,
        "last_seen": TEXT,
        "calls": COUNT,
        "sessions": COUNT,
        "clients": every(TEXT),
        "tokens": COUNT,
        "tokens_sent": COUNT,
        "cost": maybe("number"),
        "bytes": COUNT,
        "previous": maybe("string"),
    }
)
_LIMIT = members(
    {
        "account": TEXT,
        "provider": TEXT,
        "name": TEXT,
        "state": TEXT,
        "used": maybe("number"),
        "resets_at": maybe("string"),
        "measured_at": TEXT,
        "binding": FLAG,
        "per_hour": maybe("number"),
        "reached_from": maybe("string"),
        "reached_to": maybe("string"),
        "reached_before_reset": maybe("boolean"),
    }
)
_BUDGET = members(
    {
        "scope": TEXT,
        "limit": NUMBER,
        "spent": NUMBER,
        "left": NUMBER,
        "bound": FLAG,
        "unpriced": COUNT,
        "action": TEXT,
        "state": {"enum": ["within", "near", "over"]},
    },
    about="If `bound` is set, more than `spent` was spent: some calls have no price.",
)
_SUM = members({"name": maybe("string"), "cost": maybe("number"), "unpriced": COUNT, "requests": COUNT})
_PLACE = members({"session_id": TEXT, "seq": COUNT, "at": TEXT})

_CACHE_OR_NONE: Schema = {"anyOf": [ref("Cache"), {"type": "null"}]}

_LEAK = members(
    {"kind": TEXT, "upstream": TEXT, "secrets": COUNT, "first": _PLACE, "last": _PLACE, "calls": COUNT,
     "places": every(members({"where": TEXT, "calls": COUNT}))}
)  # fmt: skip

_ANNOTATION = members(
    {"session_id": TEXT, "seq": maybe("integer"), "starred": FLAG, "tags": every(TEXT), "note": maybe("string")},
    about="A seq of null is the session's.",
)

_TAG: Schema = {"type": "string", "pattern": TAG_PATTERN}
_CHANGE: Schema = {
    "type": "object",
    "properties": {
        "starred": {"type": "boolean"},
        "tags": {
            "type": "array",
            "items": _TAG,
            "maxItems": MOST_TAGS,
            "description": "All tags that should be set.",
        },
        "note": {"type": "string", "maxLength": LONGEST_NOTE},
    },
    "additionalProperties": False,
    "description": "Omitted members stay unchanged.",
}

_REPLAY_ASKED: Schema = {
    "type": "object",
    "required": ["session_id"],
    "properties": {
        "session_id": TEXT,
        "seq": {"type": ["integer", "null"], "minimum": 1, "description": "Null for the last main call."},
        "model": TEXT,
        "set": {"type": "object", "description": "Values by place, such as messages[0].content."},
        "remove": every(TEXT),
        "without_tools": every(TEXT),
        "system": maybe("string"),
        "times": {"type": "integer", "minimum": 1, "maximum": 20},
    },
    "additionalProperties": False,
}

INSIGHT_SCHEMAS: Mapping[str, Schema] = {
    "Times": _TIMES,
    "ToolCall": _TOOL_CALL,
    "Step": _STEP,
    "Agent": members({"agent": TEXT, "seconds": NUMBER, **_SUMS, "steps": every(ref("Step"))}),
    "Turn": members(
        {"number": COUNT, "prompt": maybe("string"), "started_at": TEXT, "seconds": NUMBER, **_SUMS,
         "times": ref("Times"), "steps": every(ref("Step"))},
        about="A message of the user and all that follows; 0 is what was recorded before the first.",
    ),
    "Conversation": members(
        {
            "turns": every(ref("Turn")),
            "aside": every(COUNT),
            "marks": every(members({"kind": TEXT, "seq": COUNT, "text": TEXT})),
            "totals": {"type": "object"},
        }
    ),
    "Findings": every(_FINDING),
    "Stalls": members(
        {
            "least_s": {"type": "number"},
            "stalls": COUNT,
            "seconds": {"type": "number"},
            "here": COUNT,
            "rows": every(_STALLED),
        }
    ),
    "Weights": members({"session_id": TEXT, "pieces": every({"type": "object"})}),
    "Context": members(
        {"total_tokens": maybe("integer"), "window_tokens": maybe("integer"),
         "estimated": FLAG, "complete": FLAG, "parts": every(_PART),
         "kinds": every(_PART), "servers": every(_PART)},
        about="Estimates that sum to what the provider counted; `estimated` where it counted nothing.",
    ),
    "Cache": _CACHE,
    "Cost": _COST,
    "Why": members({"cost": ref("Cost"), "cache": _CACHE_OR_NONE, "times": ref("Times")}),
    "Diff": members(
        {"same": FLAG, "first_difference": maybe("string"), "settings": every({"type": "object"}),
         "changes": every(members({"kind": TEXT, "place": TEXT, "name": maybe("string"), "lines": every(TEXT)}))}
    ),
    "Prompts": every(_VERSION),
    "Prompt": {"allOf": [_VERSION, members({"content": {"type": "array"}, "changes": maybe("array")})]},
    "Leaks": every(_LEAK),
    "Annotations": every(_ANNOTATION),
    "Annotation": _ANNOTATION,
    "AnnotationChange": _CHANGE,
    "ReplayAsked": _REPLAY_ASKED,
    "Replayed": members({"calls": every(members({"title": TEXT, "outcome": TEXT})), "upstream": TEXT,
                         "recorded": every(TEXT)}),
    "Limits": every(_LIMIT),
    "Budgets": every(_BUDGET),
    "Costs": members({"by": TEXT, "rows": every(_SUM), "total": _SUM}),
}  # fmt: skip
