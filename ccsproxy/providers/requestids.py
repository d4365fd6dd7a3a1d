"""The response headers in which providers name a request, the most specific first."""

from collections.abc import Mapping

#: Lower-case names: those of version 1 in its order, then what other providers and gateways send. A content delivery
#: network's ray comes last: it names the way that a request took, and only says something when nobody else does.
REQUEST_ID_HEADERS = (
    b"anthropic-request-id",
    b"x-request-id",
    b"request-id",
    b"openai-request-id",
    b"x-oai-request-id",
    b"apim-request-id",
    b"x-ms-request-id",
    b"x-amzn-requestid",
    b"x-amzn-request-id",
    b"x-goog-request-id",
    b"x-cloudaicompanion-trace-id",
    b"x-generation-id",
    b"x-ds-trace-id",
    b"mistral-correlation-id",
    b"msh-request-id",
    b"x-github-request-id",
    b"x-ms-client-request-id",
    b"cf-ray",
)
_AS_TEXT = tuple(name.decode("ascii") for name in REQUEST_ID_HEADERS)


def request_id_of(fields: Mapping[str, str]) -> str | None:
    """Return what the provider calls the request, None when it does not say.

    :param fields: the response's header fields by lower-case name, all ASCII and none of them repeated.
    """
    return next((fields[name] for name in _AS_TEXT if fields.get(name)), None)


def request_id(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return what the provider calls the request, None when it does not say.

    :param headers: the response's header lines; the first of repeated ones counts.
    """
    found = {name.lower(): value for name, value in reversed(headers)}
    return next((found[name].decode("latin-1") for name in REQUEST_ID_HEADERS if found.get(name)), None)
