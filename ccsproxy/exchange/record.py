"""The record: what is kept of one exchange (schema version 3)."""

from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage

#: The version that writers write; readers upgrade older ones (see `ccsproxy.exchange.upgrade`).
SCHEMA_VERSION = 3

Pairs = list[tuple[str, str]]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """The program at the other end of a loopback connection, as reported by the operating system.

    :ivar argv0: its own name; never the rest of its command line, which may contain secrets.
    :ivar cwd: its working directory when it was first seen on this connection.
    :ivar started_at: RFC 3339, UTC.
    """

    pid: int
    exe: str | None = None
    argv0: str | None = None
    cwd: str | None = None
    started_at: str | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """The caller: the coding agent, as far as the request identifies it.

    :ivar retry: the number of the attempt, if the client states it; 0 for the first one.
    :ivar process: what the operating system reports about the program; null if it does not tell.
    """

    name: str | None = None
    version: str | None = None
    session: str | None = None
    agent: str | None = None
    parent_agent: str | None = None
    thread: str | None = None
    cwd: str | None = None
    account: str | None = None
    retry: int | None = None
    process: Process | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The request as the client sent it, redacted.

    :ivar path: the target with its query.
    :ivar body: JSON as sent, or text as a string; null if there is none or it is binary.
    :ivar body_base64: a binary body, up to a limit; absent otherwise.
    :ivar body_bytes: the length on the wire, before any decoding.
    :ivar body_sha256: of the bytes on the wire, hexadecimal.
    """

    method: str
    path: str
    headers: dict[str, str]
    headers_raw: Pairs
    http_version: str
    body: Any = None
    body_base64: str | msgspec.UnsetType = msgspec.UNSET
    body_bytes: int = 0
    body_sha256: str | None = None
    content_encoding: str | None = None
    context: int | msgspec.UnsetType | None = msgspec.UNSET


class WebSocketNote(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange over a WebSocket has in addition to its response.

    :ivar path: of the handshake, with its query.
    :ivar subprotocol: the negotiated subprotocol, null for none.
    :ivar frames: for each frame ``[milliseconds since started_at, "in" from the server or "out" from the client,
        payload bytes]``.
    """

    path: str
    subprotocol: str | None
    frames: list[tuple[float, str, int]]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A streamed response, detailed enough to replay it.

    :ivar text: the decoded stream, redacted.
    :ivar chunks: ``[milliseconds since started_at, bytes on the wire]`` for each read.
    :ivar pieces: how many reads there were, if neighbours had to be merged; absent if each has its own entry.
    """

    text: str
    chunks: list[tuple[float, int]]
    pieces: int | msgspec.UnsetType = msgspec.UNSET


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response as received, redacted; ``body_reassembled`` is what the non-streaming API would have returned."""

    status: int
    reason: str
    http_version: str
    headers: dict[str, str]
    headers_raw: Pairs
    body_reassembled: Any = None
    body_base64: str | msgspec.UnsetType = msgspec.UNSET
    body_bytes: int = 0
    body_sha256: str | None = None
    content_encoding: str | None = None
    raw_sse_text: str | msgspec.UnsetType = msgspec.UNSET
    raw_sse_frames_count: int = 0
    stream: Stream | msgspec.UnsetType = msgspec.UNSET
    trailers: Pairs | msgspec.UnsetType = msgspec.UNSET
    websocket: WebSocketNote | msgspec.UnsetType = msgspec.UNSET


class Error(msgspec.Struct, frozen=True):
    """Why an exchange did not end as it should have."""

    kind: str
    message: str


class RecordTiming(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds since ``started_at``, null if it did not happen; ``overhead_us`` in microseconds.

    :ivar proxy_stalled: for at least how many milliseconds (at most half a second less than it really was) the proxy
    itself did not run meanwhile, because it was stopped, suspended or held up; what looks like an upstream's silence
    may be ours. Null if it ran all the time.
    """

    connected: float | None = None
    reused: bool = False
    request_sent: float | None = None
    headers: float | None = None
    first_byte: float | None = None
    first_token: float | None = None
    last_byte: float | None = None
    max_gap: float | None = None
    overhead_us: int | None = None
    proxy_stalled: float | None = None


class SecretNote(msgspec.Struct, frozen=True, kw_only=True):
    """How many secrets of one kind were found in one place of an exchange; never the secrets.

    :ivar tag: the secret's tag, by which it can be recognised; empty if several are counted together.
    """

    kind: str
    where: str
    tag: str = ""
    count: int


class CaptureNote(msgspec.Struct, frozen=True, kw_only=True):
    """What capture reports about its own work.

    :ivar faults: names of errors and anomalies (``invalid_tool_json``, ``redaction_error``, ...).
    :ivar redactions: how many secrets were replaced.
    :ivar dropped_bytes: body bytes that were relayed and not kept.
    :ivar redacted: which kinds of secret were replaced, and where.
    :ivar outbound_secrets: which kinds of secret the request sent to the provider, and where they were in it.
    """

    faults: list[str] = []
    redactions: int = 0
    dropped_bytes: int = 0
    redacted: list[SecretNote] = []
    outbound_secrets: list[SecretNote] = []


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One finished exchange.

    :ivar upstream_url: scheme, authority and base path that the request was sent to; null if unknown.
    :ivar transport: ``http``, ``websocket`` or ``tunnel``.
    :ivar connection: an id shared by the exchanges of one client connection.
    :ivar delivered_bytes: bytes of the response body that the client's socket accepted.
    :ivar labels: user-defined labels of who recorded it.
    """

    id: str
    seq: int
    session_id: str
    request_id: str | None
    started_at: str
    ended_at: str | None
    duration_ms: float | None
    ttft_ms: float | None
    upstream: str
    dialect: str | None
    category: str
    model: str | None
    response_model: str | None
    outcome: str
    stop_reason: str | None
    error: Error | None
    partial: bool
    client: Client
    usage: Usage | None
    timing: RecordTiming
    request: Request
    response: Response | None
    capture: CaptureNote
    upstream_url: str | None = None
    transport: str = "http"
    connection: str | None = None
    delivered_bytes: int | None = None
    labels: dict[str, str] = {}
    schema_version: int = SCHEMA_VERSION


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The line that precedes the record of each exchange, so that a crash leaves no gap.

    :ivar request: method, path and redacted headers; never a body.
    """

    id: str
    seq: int
    session_id: str
    started_at: str
    upstream: str
    dialect: str | None
    category: str
    model: str | None
    client: Client
    method: str
    path: str
    headers: dict[str, str]
    upstream_url: str | None = None
    transport: str = "http"
    connection: str | None = None
    labels: dict[str, str] = {}
    event: str = "started"
    schema_version: int = SCHEMA_VERSION
