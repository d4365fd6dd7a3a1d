"""The endpoints for what is derived from records."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attr
import msgspec

from ccsproxy.api.answer import ApiResponse, Refused, bad_request
from ccsproxy.api.reading import Reading
from ccsproxy.api.route import ApiCall
from ccsproxy.store.query import QueryError, parse_query, parse_time
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept
from ccsproxy.store.state.annotations import Annotation, AnnotationChange, AnnotationError

Annotate = Callable[[str, int, AnnotationChange], Annotation]


@attr.frozen
class InsightEndpoints:
    """The handlers of these endpoints; everything that is computed runs in the reading pool.

    :ivar annotate: changes the annotation of a session (number 0) or a call; None if nothing may be changed.
    """

    insights: Insights
    reading: Reading
    annotate: Annotate | None = None

    async def get_conversation(self, call: ApiCall) -> ApiResponse:
        """Return a session as turns, steps and calls with their results."""
        return await self._answer(self.insights.conversation, call.given["sid"])

    async def get_session_findings(self, call: ApiCall) -> ApiResponse:
        """Return the findings of a session."""
        return await self._answer(self.insights.findings, call.given["sid"])

    async def get_findings(self, call: ApiCall) -> ApiResponse:
        """Return the findings of the newest sessions."""
        return await self._answer(self.insights.findings_since, _since(call))

    async def get_stalls(self, call: ApiCall) -> ApiResponse:
        """Return the pauses within the responses of the newest sessions, by model."""
        return await self._answer(self.insights.stalls, _since(call))

    async def get_weights(self, call: ApiCall) -> ApiResponse:
        """Return what was sent repeatedly in a session."""
        return await self._answer(self.insights.weights, call.given["sid"])

    async def get_context(self, call: ApiCall) -> ApiResponse:
        """Return the parts of a prompt."""
        return await self._answer(self.insights.context, *_place(call))

    async def get_cache(self, call: ApiCall) -> ApiResponse:
        """Return the cache verdict of a call."""
        return await self._answer(self.insights.cache, *_place(call))

    async def get_cost(self, call: ApiCall) -> ApiResponse:
        """Return the split of a call's price."""
        return await self._answer(self.insights.cost, *_place(call))

    async def get_why(self, call: ApiCall) -> ApiResponse:
        """Return cost, cache and time of a call together."""
        return await self._answer(self.insights.why, *_place(call))

    async def get_diff(self, call: ApiCall) -> ApiResponse:
        """Return how two requests differ."""
        return await self._answer(self.insights.diff, _named(call.given["a"]), _named(call.given["b"]))

    async def get_prompts(self, call: ApiCall) -> ApiResponse:
        """List the distinct system prompts and tool sets."""
        return await self._answer(self.insights.prompts)

    async def get_prompt(self, call: ApiCall) -> ApiResponse:
        """Return one system prompt or tool set with its content."""
        return await self._answer(self.insights.prompt, call.given["id"])

    async def get_leaks(self, call: ApiCall) -> ApiResponse:
        """Return the kinds of secrets that were sent."""
        return await self._answer(self.insights.leaks, _since(call))

    async def get_limits(self, call: ApiCall) -> ApiResponse:
        """Return the state of rate limits and subscription windows."""
        return await self._answer(self.insights.limits)

    async def get_annotations(self, call: ApiCall) -> ApiResponse:
        """Return stars, tags and notes."""
        return await self._answer(self.insights.annotations)

    async def get_annotation(self, call: ApiCall) -> ApiResponse:
        """Return star, tags and note of a session or a call."""
        return await self._answer(self._annotation, *_place_or_session(call))

    async def put_annotation(self, call: ApiCall) -> ApiResponse:
        """Change star, tags and note of a session or a call; what is omitted stays."""
        assert self.annotate is not None  # noqa: S101  (the route exists only then)
        return await self._answer(self._changed, self.annotate, *_place_or_session(call), _change(call.body))

    def _annotation(self, session_id: str, seq: int) -> dict[str, Any]:
        self.insights.known(session_id, seq)
        return self.insights.annotation(session_id, seq).as_dict()

    def _changed(self, annotate: Annotate, session_id: str, seq: int, change: AnnotationChange) -> dict[str, Any]:
        self.insights.known(session_id, seq)
        try:
            return annotate(session_id, seq, change).as_dict()
        except AnnotationError as error:
            raise bad_request(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None

    async def get_budget(self, call: ApiCall) -> ApiResponse:
        """Return the budgets and what has been spent."""
        return await self._answer(self.insights.budget)

    async def get_costs(self, call: ApiCall) -> ApiResponse:
        """Sum up costs by a group."""
        try:
            query = parse_query(dict(call.given))
            return await self._answer(self.insights.costs, call.given.get("by", "project"), query)
        except QueryError as error:
            raise bad_request(str(error)) from error

    async def _answer(self, function: Callable[..., Any], *arguments: Any) -> ApiResponse:
        """Compute a result and encode it, both in the reading pool."""
        return ApiResponse(await self.reading.run(_encoded, function, *arguments))


def _encoded(function: Callable[..., Any], *arguments: Any) -> bytes:
    try:
        return msgspec.json.encode(function(*arguments))
    except NotKept as missing:
        if missing.expired:
            raise Refused(HTTPStatus.GONE, "expired", "This record was removed by retention.") from missing
        reason = str(missing)
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"{reason[:1].upper()}{reason[1:]}.") from missing


def _place_or_session(call: ApiCall) -> tuple[str, int]:
    return call.given["sid"], int(call.given.get("seq", 0))


def _change(body: bytes) -> AnnotationChange:
    """Parse a change of an annotation.

    :raises Refused: if it is invalid.
    """
    try:
        return msgspec.json.decode(body, type=AnnotationChange)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise bad_request(f"This annotation is invalid: {error}.") from None


def _place(call: ApiCall) -> tuple[str, int]:
    return call.given["sid"], int(call.given["seq"])


def _named(text: str) -> tuple[str, int]:
    """Split ``SID/SEQ``, which has been validated."""
    session, _, seq = text.rpartition("/")
    return session, int(seq)


def _since(call: ApiCall) -> int | None:
    since = call.given.get("since")
    return parse_time(since) if since else None
