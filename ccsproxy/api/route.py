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
    """A request that has been let in and matched.

    :ivar given: the checked parameters of path and query that are not empty.
    :ivar head: whether only the head of the answer is wanted.
    :ivar body: the JSON that it says, not yet read; of one that changes something.
    """

    given: Mapping[str, str]
    head: bool = False
    body: bytes = b""


Handler = Callable[[ApiCall], Awaitable[ApiResponse]]


@attr.frozen
class Endpoint:
    """One endpoint.

    :ivar path: its path, with ``{name}`` for parameters.
    :ivar answers: media type and schema name of its answer.
    :ivar errors: the statuses, beside those that every endpoint may have.
    :ivar method: by which it is asked; ``GET`` stands for HEAD, too.
    :ivar says: schema name of what a request says.
    """

    path: str
    summary: str
    handler: Handler
    answers: Mapping[str, str]
    parameters: Sequence[Parameter] = ()
    errors: Sequence[int] = ()
    method: str = "GET"
    says: str = ""

    @property
    def segments(self) -> list[str]:
        """The segments of the path, parameters in braces."""
        return self.path.strip("/").split("/")

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return the path's parameters, not yet checked, or None when it is another path."""
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
        """Check the parameters.

        :raises Refused: 404 when one of the path, 400 when one of the query does not fit.
        """
        given = _path_values(self.parameters, found)
        fields = read_query(query)
        for parameter in self.parameters:
            if parameter.place == "query" and (value := parameter.read(fields.get(parameter.name, []))):
                given[parameter.name] = value
        return ApiCall(given, head)


def find(routes: Sequence[Endpoint], segments: Sequence[str], method: str = "GET") -> tuple[Endpoint, dict[str, str]]:
    """Find the route of a path.

    :param method: by which it is asked.
    :raises Refused: 404 when there is none.
    """
    for route in routes:
        found = route.match(segments) if route.method == method else None
        if found is not None:
            return route, found
    raise not_found("endpoint; see /openapi.json for those that there are")


def read_query(query: bytes) -> dict[str, list[str]]:
    """Take a query apart.

    :raises Refused: when it is not UTF-8 or has too many fields.
    """
    # parse_qs would take such a sign as it is, and search for what nobody meant.
    if re.search(rb"%(?![0-9A-Fa-f]{2})", query):
        raise bad_request("The query has a percent sign that does not begin an escape.")
    try:
        return parse_qs(query.decode("ascii"), True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        raise bad_request("The query must be percent-encoded UTF-8.") from None
    except ValueError:
        raise bad_request(f"A query may have at most {MOST_FIELDS} fields.") from None


def _path_values(parameters: Sequence[Parameter], found: Mapping[str, str]) -> dict[str, str]:
    """Check the parameters of the path: one that cannot be an id names nothing that exists."""
    try:
        return {each.name: each.read([found[each.name]]) for each in parameters if each.place == "path"}
    except Refused:
        # Not 400: a path that names nothing is not there, whatever it looks like.
        raise not_found("session or request: its id cannot be one") from None
