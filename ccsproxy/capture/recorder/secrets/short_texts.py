"""The short descriptive texts of a record, apart from its bodies and header fields."""

from collections.abc import Callable

import msgspec

from ccsproxy.exchange.record import Client, Error, Process, Record

#: Redacts a text at a place in the record; None stays None, and is returned for a text that cannot be redacted.
RedactText = Callable[[str | None, str], str | None]


def names_of(client: Client) -> list[str]:
    """Return the texts of a client and of its program; its other members are not texts."""
    process = client.process
    texts = [value for value in msgspec.structs.astuple(client) if value.__class__ is str and value]
    return texts if process is None else [*texts, *filter(None, (process.exe, process.argv0, process.cwd))]


def texts_of(record: Record) -> list[str]:
    """Return the short texts that describe an exchange."""
    error, response = record.error, record.response
    texts = [record.request_id, record.model, record.response_model, record.stop_reason]
    texts += [error.kind, error.message] if error is not None else []
    texts += [response.reason] if response is not None else []
    # A tunnel is named by its host, whose labels are arbitrary; names of upstreams are the user's own.
    texts += [record.upstream, record.upstream_url] if "." in record.upstream else []
    return [*(text for text in texts if text), *names_of(record.client)]


def without_secrets(record: Record, redact: RedactText) -> Record:
    """Return a record whose short texts are redacted: those that `texts_of` returns, and the names of upstreams."""
    response = record.response
    if response is not None:
        response = msgspec.structs.replace(response, reason=redact(response.reason, "response.reason") or "")
    return msgspec.structs.replace(
        record,
        request_id=redact(record.request_id, "request_id"),
        upstream=redact(record.upstream, "upstream") or "",
        upstream_url=redact(record.upstream_url, "upstream"),
        model=redact(record.model, "model"),
        response_model=redact(record.response_model, "response_model"),
        stop_reason=redact(record.stop_reason, "stop_reason"),
        error=_error(record.error, redact),
        client=client_without_secrets(record.client, redact),
        response=response,
    )


def client_without_secrets(client: Client, redact: RedactText) -> Client:
    """Return a client whose texts are redacted."""
    texts = {
        name: redact(value, f"client.{name}")
        for name in _CLIENT_TEXTS
        if (value := getattr(client, name)) is not None
    }
    return msgspec.structs.replace(client, process=_process(client.process, redact), **texts)


def _error(error: Error | None, redact: RedactText) -> Error | None:
    if error is None:
        return None
    return Error(redact(error.kind, "error.kind") or "", redact(error.message, "error.message") or "")


def _process(process: Process | None, redact: RedactText) -> Process | None:
    """Redact a program's own name and its directory, which may be named after anything."""
    if process is None:
        return None
    texts = {name: redact(getattr(process, name), f"client.process.{name}") for name in ("exe", "argv0", "cwd")}
    return msgspec.structs.replace(process, **texts)


#: The members of a client that are text.
_CLIENT_TEXTS = tuple(name for name in Client.__struct_fields__ if name not in {"retry", "process"})
