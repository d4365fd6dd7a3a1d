"""Routes as values: they match requests, and the OpenAPI document is built from them."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import parse_qs

import attr

from ccsproxy.api.answer import ApiResponse, Refused, bad_request, not_found
from ccsproxy.api.openapi.parameters import Parameter

#: More parameters than any endpoint has.
MOST_FIELDS = 64


@attr.frozen
class ApiCall:
    """A request that was accepted and matched.

    :ivar given: the validated non-empty parameters of path and query.
    :ivar head: whether only the response head is wanted.
    :ivar body: the JSON body, not parsed yet.
    """

    given: Mapping[str, str]
    head: bool = False
    body: bytes = b""


Handler = Callable[[ApiCall], Awaitable[ApiResponse]]


@attr.frozen
class Endpoint:
    """One endpoint.

    :ivar path: its path, with ``{name}`` for parameters.
    :ivar answers: media type and schema name of its response.
    :ivar errors: the possible error statuses, besides those of every endpoint.
    :ivar method: its method; ``GET`` includes HEAD.
    :ivar body_schema: schema name of the request body.
    """

    path: str
    summary: str
    handler: Handler
    answers: Mapping[str, str]
    parameters: Sequence[Parameter] = ()
    errors: Sequence[int] = ()
    method: str = "GET"
    body_schema: str = ""

    @property
    def segments(self) -> list[str]:
        """The segments of the path, parameters in braces."""
        return self.path.strip("/").split("/")

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return the path parameters, not validated yet, or None if the path does not match."""
        if len(segments) != len(self.segments):
            return None
        found = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found

    def call(self, found: Mapping[str, str], query: bytes, head: bool) -> ApiCall:
        """Validate the parameters.

        :raises Refused: 404 if a path parameter is invalid, 400 if a query parameter is.
        """
        given = _path_values(self.parameters, found)
        fields = read_query(query)
        for parameter in self.parameters:
            if parameter.place == "query" and (value := parameter.read(fields.get(parameter.name, []))):
                given[parameter.name] = value
        return ApiCall(given, head)


def find(routes: Sequence[Endpoint], segments: Sequence[str], method: str = "GET") -> tuple[Endpoint, dict[str, str]]:
    """Find the route of a path.

    :param method: the request method.
    :raises Refused: 404 if there is none.
    """
    for route in routes:
        found = route.match(segments) if route.method == method else None
        if found is not None:
            return route, found
    raise not_found("endpoint; see /openapi.json for the list")


def read_query(query: bytes) -> dict[str, list[str]]:
    """Parse a query.

    :raises Refused: if it is not UTF-8 or has too many fields.
    """
    # parse_qs would accept such a sign literally, and search for something that was not meant.
    if re.search(rb"%(?![0-9A-Fa-f]{2})", query):
        raise bad_request("The query contains a percent sign that does not start an escape sequence.")
    try:
        return parse_qs(query.decode("ascii"), True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        raise bad_request("The query must be percent-encoded UTF-8.") from None
    except ValueError:
        raise bad_request(f"A query may have at most {MOST_FIELDS} fields.") from None


def _path_values(parameters: Sequence[Parameter], found: Mapping[str, str]) -> dict[str, str]:
    """Validate the path parameters: a value that cannot be an id names nothing that exists."""
    try:
        return {each.name: each.read([found[each.name]]) for each in parameters if each.place == "path"}
    except Refused:
        # Not 400: a path that names nothing does not exist, whatever its form.
        raise not_found("session or request: its id is malformed") from None
