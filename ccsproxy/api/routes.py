"""The routes of all endpoints: path, parameters, answers."""

from collections.abc import Sequence

from ccsproxy.api.endpoints import Endpoints
from ccsproxy.api.exposition import MEDIA_TYPE
from ccsproxy.api.openapi.parameters import SEQ, SID, choice, flag, matching, moment, number, text
from ccsproxy.api.route import Endpoint, Handler
from ccsproxy.exports.formats import EXCHANGE, SESSION

#: The maximum number of rows in a list.
LARGEST_PAGE = 1000

_UPSTREAM = text("upstream", "Names of upstreams; a comma means or.")
_MODEL = text("model", "Models asked for; a comma means or.")
_CWD = text("cwd", "Working directories; a comma means or.")
_SINCE = moment("since", "Only what started then or later: RFC 3339 time or date, UTC.")
_LIMIT = number("limit", "Maximum number of rows.", LARGEST_PAGE, otherwise=100)

_SESSION_FILTERS = (
    _UPSTREAM,
    _MODEL,
    _CWD,
    _SINCE,
    flag("include_empty", "Also sessions without a request."),
    _LIMIT,
    number("offset", "How many rows to skip.", 10**9, otherwise=0),
)
_REQUEST_FILTERS = (
    text("q", 'Fields and words, such as model:opus cost:>0.5 sort:-cost "any words".', several=False),
    text("session", "Ids of sessions; a comma means or."),
    _UPSTREAM,
    _MODEL,
    _CWD,
    text("client", "Names of clients; a comma means or."),
    text("dialect", "Names of dialects; a comma means or."),
    text("category", "Categories; a comma means or."),
    text("outcome", "Outcomes; a comma means or."),
    matching("status", "HTTP statuses; a comma means or.", r"^[0-9]{3}(,[0-9]{3}){0,99}$", several=True),
    text("tool", "Names of tools that the response calls; a comma means or."),
    _SINCE,
    moment("until", "Only what started before: RFC 3339 time or date, UTC."),
    _LIMIT,
    matching("before", "The cursor `next` of the previous page.", r"^[0-9]{1,19}$"),
    number("offset", "How many rows to skip, if `q` sorts by something other than time.", 10**9, otherwise=0),
    flag("totals", "Also the sums of everything that matches the filters."),
)
_JSON = "application/json"


def make_routes(endpoints: Endpoints, stream: Handler) -> Sequence[Endpoint]:
    """List the endpoints.

    :param stream: handles `/api/stream`.
    """
    return (*_state(endpoints, stream), *_records(endpoints), *_exports(endpoints))


def _state(endpoints: Endpoints, stream: Handler) -> Sequence[Endpoint]:
    """List the endpoints about the state of the service and the API itself."""
    return (
        Endpoint("/api/health", "The state of the service.", endpoints.get_health, {_JSON: "Health"}),
        Endpoint("/api/stats", "Statistics.", endpoints.get_stats, {_JSON: "Stats"}, (_SINCE,)),
        Endpoint("/api/meta", "Values for the filters.", endpoints.get_meta, {_JSON: "Meta"}),
        Endpoint("/api/stream", "Live events, as server-sent events.", stream, {"text/event-stream": ""}),
        Endpoint("/metrics", "Metrics for Prometheus.", endpoints.get_metrics, {MEDIA_TYPE: ""}),
        Endpoint("/openapi.json", "This description.", endpoints.get_description, {_JSON: "Description"}),
    )


def _records(endpoints: Endpoints) -> Sequence[Endpoint]:
    """List the endpoints that return sessions and requests."""
    return (
        Endpoint(
            "/api/sessions", "Sessions, newest first.", endpoints.get_sessions, {_JSON: "Sessions"}, _SESSION_FILTERS
        ),
        Endpoint(
            "/api/sessions/{sid}",
            "A session and its requests.",
            endpoints.get_session,
            {_JSON: "Session"},
            (SID,),
            (404,),
        ),
        Endpoint(
            "/api/requests", "Requests, newest first.", endpoints.get_requests, {_JSON: "Page"}, _REQUEST_FILTERS
        ),
        Endpoint(
            "/api/requests/{sid}/{seq}",
            "A whole record.",
            endpoints.get_record,
            {_JSON: "Record"},
            (SID, SEQ),
            (404, 410),
        ),
    )


def _exports(endpoints: Endpoints) -> Sequence[Endpoint]:
    """List the endpoints that export records in other formats."""
    exchange_answers = {each.media_type: "" for each in EXCHANGE.values()}
    session_answers = {each.media_type: "" for each in SESSION.values()}
    return (
        Endpoint(
            "/api/export/{sid}/{seq}",
            "An exchange in another format.",
            endpoints.export_exchange,
            exchange_answers,
            (SID, SEQ, choice("format", f"One of {', '.join(EXCHANGE)}.", tuple(EXCHANGE), "json")),
            (404, 410),
        ),
        Endpoint(
            "/api/export/{sid}",
            "A session in another format.",
            endpoints.export_session,
            session_answers,
            (
                SID,
                choice("format", f"One of {', '.join(SESSION)}.", tuple(SESSION), "jsonl"),
                flag("annotations", "Also stars, tags and notes, in the forms for people."),
            ),
            (404,),
        ),
    )
