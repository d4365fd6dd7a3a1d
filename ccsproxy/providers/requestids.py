"""The response headers that contain the provider's request id, the most specific first."""

from collections.abc import Mapping

#: Lower-case names: those of version 1 in their order, then those of other providers and gateways. A content delivery
#: network's id comes last, because it identifies a connection to the network and not the request at the provider.
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
    """Return the provider's id of the request; None if there is none.

    :param fields: the response's header fields by lower-case name, all ASCII and not repeated.
    """
    return next((fields[name] for name in _AS_TEXT if fields.get(name)), None)


def request_id(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the provider's id of the request; None if there is none.

    :param headers: the response's header lines; the first of repeated ones is used.
    """
    found = {name.lower(): value for name, value in reversed(headers)}
    return next((found[name].decode("latin-1") for name in REQUEST_ID_HEADERS if found.get(name)), None)
