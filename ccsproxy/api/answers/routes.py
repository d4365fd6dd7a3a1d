"""The routes of the endpoints for derived answers: path, parameters, schemas."""

from collections.abc import Iterator, Sequence

from ccsproxy.api.answers.endpoints import InsightEndpoints
from ccsproxy.api.guard import CHANGING
from ccsproxy.api.openapi.parameters import SEQ, SID, Parameter, choice, moment, text
from ccsproxy.api.route import Endpoint, Handler
from ccsproxy.store.reader.aggregates.costs import PARTS

_JSON = "application/json"
_SINCE = moment("since", "Only what started then or later: RFC 3339 time or date, UTC.")
_PLACE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}/[1-9][0-9]{0,14}$"
_A, _B = (
    Parameter(name, f"{what} request, as SID/SEQ.", {"type": "string", "pattern": _PLACE}, required=True)
    for name, what in (("a", "The earlier"), ("b", "The later"))
)
_PROMPT = Parameter(
    "id", "The prompt's id, from the list.", {"type": "string", "pattern": r"^(system|tools)-[0-9a-f]{14}$"}, "path",
    required=True,
)  # fmt: skip
_Q = text("q", 'Fields and words, such as model:opus cost:>0.5 since:7d "any words".', several=False)


def insight_routes(answers: InsightEndpoints) -> Sequence[Endpoint]:
    """List the endpoints that answer questions."""
    by = choice("by", "What to group by.", (*answers.insights.groups, *PARTS), "project")
    call = "/api/requests/{sid}/{seq}/"
    return (
        _of_session("conversation", "A session as turns, steps and calls.", answers.get_conversation, "Conversation"),
        _of_session("findings", "Findings about a session.", answers.get_session_findings, "Findings"),
        _of_session("weights", "What was sent repeatedly.", answers.get_weights, "Weights"),
        Endpoint("/api/findings", "Findings about the newest sessions.", answers.get_findings,
                 {_JSON: "Findings"}, (_SINCE,)),
        Endpoint("/api/stalls", "Pauses within responses in the newest sessions, by model.", answers.get_stalls,
                 {_JSON: "Stalls"}, (_SINCE,)),
        _of_call(call + "context", "The parts of a prompt.", answers.get_context, "Context"),
        _of_call(call + "cache", "The cache verdict.", answers.get_cache, "Cache"),
        _of_call(call + "cost", "The breakdown of the price.", answers.get_cost, "Cost"),
        _of_call(call + "why", "Cost, cache and time together.", answers.get_why, "Why"),
        Endpoint("/api/diff", "What differs between two requests.", answers.get_diff, {_JSON: "Diff"}, (_A, _B),
                 (404, 410)),
        Endpoint("/api/prompts", "The distinct system prompts and tool sets.", answers.get_prompts,
                 {_JSON: "Prompts"}),
        Endpoint("/api/prompts/{id}", "A system prompt or a tool set.", answers.get_prompt, {_JSON: "Prompt"},
                 (_PROMPT,), (404, 410)),
        Endpoint("/api/leaks", "Kinds of secrets that were sent to providers.", answers.get_leaks, {_JSON: "Leaks"},
                 (_SINCE,)),
        Endpoint("/api/limits", "Rate limits and subscription windows.", answers.get_limits, {_JSON: "Limits"}),
        Endpoint("/api/annotations", "Stars, tags and notes.", answers.get_annotations, {_JSON: "Annotations"}),
        *_annotation("/api/annotations/{sid}", "a session", answers, (SID,)),
        *_annotation("/api/annotations/{sid}/{seq}", "a call", answers, (SID, SEQ)),
        Endpoint("/api/budget", "Budgets and how much of them is spent.", answers.get_budget, {_JSON: "Budgets"}),
        Endpoint("/api/costs", "Sums by project, model, tool and more.", answers.get_costs, {_JSON: "Costs"},
                 (by, _Q, _SINCE)),
    )  # fmt: skip


def _annotation(
    path: str, what: str, answers: InsightEndpoints, parameters: Sequence[Parameter]
) -> Iterator[Endpoint]:
    answer = {_JSON: "Annotation"}
    yield Endpoint(path, f"What is written on {what}.", answers.get_annotation, answer, parameters, (404,))
    if answers.annotate is not None:
        yield Endpoint(path, f"Write on {what}.", answers.put_annotation, answer, parameters, (404, 415), CHANGING,
                       "AnnotationChange")  # fmt: skip


def _of_session(name: str, summary: str, handler: Handler, schema: str) -> Endpoint:
    return Endpoint(f"/api/sessions/{{sid}}/{name}", summary, handler, {_JSON: schema}, (SID,), (404,))


def _of_call(path: str, summary: str, handler: Handler, schema: str) -> Endpoint:
    return Endpoint(path, summary, handler, {_JSON: schema}, (SID, SEQ), (404, 410))
