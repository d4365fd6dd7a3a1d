"""The endpoints of the API: each is a short coroutine from a checked call to an answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attr
import msgspec

from ccsproxy.api.answer import ApiResponse, json_answer, not_found
from ccsproxy.api.body_producer import ReplayableBody
from ccsproxy.api.exposition import MEDIA_TYPE, Exposition
from ccsproxy.api.queries import Queries
from ccsproxy.api.reading import Reading
from ccsproxy.api.route import ApiCall
from ccsproxy.exports.formats import EXCHANGE, SESSION, ExchangeFormat, SessionFormat
from ccsproxy.exports.payload import encoded

#: Exported pages may be opened from here; they may only be displayed, not do anything.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; sandbox"
)


@attr.frozen
class Endpoints:
    """The handlers of the endpoints.

    :ivar health: returns the content of ``/api/health`` in constant time.
    :ivar description: returns the OpenAPI document.
    :ivar upstreams: URLs by upstream name, for exports.
    """

    queries: Queries
    reading: Reading
    health: Callable[[], Mapping[str, Any]]
    exposition: Exposition
    description: Callable[[], bytes]
    upstreams: Mapping[str, str]

    async def get_health(self, call: ApiCall) -> ApiResponse:
        """Return the latest health snapshot."""
        return json_answer(self.health())

    async def get_metrics(self, call: ApiCall) -> ApiResponse:
        """Return the metrics of the service in the Prometheus text format."""
        return ApiResponse(self.exposition.text(), MEDIA_TYPE)

    async def get_description(self, call: ApiCall) -> ApiResponse:
        """Return the OpenAPI document."""
        return ApiResponse(self.description())

    async def get_sessions(self, call: ApiCall) -> ApiResponse:
        """List the sessions that match the filters, newest first."""
        return ApiResponse(await self._json(self.queries.sessions, call.given))

    async def get_session(self, call: ApiCall) -> ApiResponse:
        """Return a session and the summaries of its requests."""
        return ApiResponse(await self._existing("session", self.queries.session, call.given["sid"]))

    async def get_requests(self, call: ApiCall) -> ApiResponse:
        """List requests across sessions."""
        return ApiResponse(await self._json(self.queries.requests, call.given))

    async def get_record(self, call: ApiCall) -> ApiResponse:
        """Return a complete record, in pieces."""
        place = call.given["sid"], int(call.given["seq"])
        line = await self.reading.run(self.queries.line, *place)
        if line is None:
            raise not_found("request")
        body = ReplayableBody(iter((line,)), lambda: iter((self.queries.line(*place) or b"",)))
        return ApiResponse(body, length=len(line))

    async def get_stats(self, call: ApiCall) -> ApiResponse:
        """Return requests, tokens, cost and errors by upstream and model."""
        return ApiResponse(await self._json(self.queries.stats, call.given))

    async def get_meta(self, call: ApiCall) -> ApiResponse:
        """Return the values for the filters."""
        return ApiResponse(await self._json(self.queries.meta))

    async def export_exchange(self, call: ApiCall) -> ApiResponse:
        """Export one exchange in a format."""
        sid, seq = call.given["sid"], int(call.given["seq"])
        chosen = EXCHANGE[call.given.get("format", "json")]
        record = await self.reading.run(self.queries.record, sid, seq)
        if record is None:
            raise not_found("request")

        def again() -> Iterator[bytes]:
            return map(encoded, chosen.write(self.queries.record(sid, seq) or {}, self.upstreams))

        body = ReplayableBody(map(encoded, chosen.write(record, self.upstreams)), again)
        return _export(chosen, body, f"{sid}-{seq}")

    async def export_session(self, call: ApiCall) -> ApiResponse:
        """Export a session in a format."""
        sid = call.given["sid"]
        chosen = SESSION[call.given.get("format", "jsonl")]
        session = await self.reading.run(self.queries.session, sid)
        if session is None:
            raise not_found("session")
        extras = await self.reading.run(self.queries.extras, sid, call.given.get("annotations") == "true")
        pieces = chosen.write(session["meta"], self.queries.records(sid), self.upstreams, extras)
        return _export(chosen, map(encoded, pieces), sid)

    async def _json(self, function: Callable[..., Any], *arguments: Any) -> bytes:
        """Run a query and encode its result, both in the reading pool."""
        return await self.reading.run(_encoded_result, function, *arguments)

    async def _existing(self, what: str, function: Callable[..., Any], *arguments: Any) -> bytes:
        body = await self._json(function, *arguments)
        if body == b"null":
            raise not_found(what)
        return body


def _encoded_result(function: Callable[..., Any], *arguments: Any) -> bytes:
    return msgspec.json.encode(function(*arguments))


def _export(chosen: ExchangeFormat | SessionFormat, body: Iterator[bytes], name: str) -> ApiResponse:
    page = chosen.media_type.startswith("text/html")
    # A session's name may come from a client's header, and must not end the quoted string of the header field.
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in name)
    headers = {"Content-Disposition": f'attachment; filename="ccsproxy-{safe}.{chosen.extension}"'}
    if page:
        headers["Content-Security-Policy"] = PAGE_POLICY
    return ApiResponse(body, chosen.media_type, headers=headers)
