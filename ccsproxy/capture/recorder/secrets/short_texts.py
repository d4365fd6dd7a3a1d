"""The short descriptive texts of a record, apart from its bodies and header fields."""

import msgspec

from ccsproxy.exchange.record import Client, Record


def names_of(client: Client) -> list[str]:
    """Return the texts of a client and of its program; what else a client has is no text."""
    process = client.process
    texts = [value for value in msgspec.structs.astuple(client) if value.__class__ is str and value]
    return texts if process is None else [*texts, *filter(None, (process.exe, process.argv0, process.cwd))]


def texts_of(record: Record) -> list[str]:
    """Return the short texts that describe an exchange."""
    error, response = record.error, record.response
    texts = [record.request_id, record.model, record.response_model, record.stop_reason]
    texts += [error.kind, error.message] if error is not None else []
    texts += [response.reason] if response is not None else []
    # What is tunnelled is known by its host, whose labels may be anything; names of upstreams are the user's own.
    texts += [record.upstream, record.upstream_url] if "." in record.upstream else []
    return [*(text for text in texts if text), *names_of(record.client)]
