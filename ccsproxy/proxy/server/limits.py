"""Size and time limits of the server side."""

import resource

import attr

from ccsproxy.config.model import default_of

#: File descriptors kept back from connections: listeners, log, store, child processes, DNS look-ups.
RESERVED_DESCRIPTORS = 64


def connection_cap(most: int, descriptors: int | None = None) -> int:
    """Return how many client connections fit below the limit of open files, each paired with one upstream connection.

    :param most: the configured maximum, never exceeded.
    :param descriptors: the limit of open files; by default that of the process.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return most
    return max(1, min(most, (descriptors - RESERVED_DESCRIPTORS) // 2))


@attr.frozen
class Limits:
    """What a client may use. Sizes are in bytes, times in seconds.

    :ivar request_line: the longest request line (414).
    :ivar head: the longest head, request line included (431).
    :ivar fields: the maximum number of header lines (431).
    :ivar body: the longest request body (413).
    :ivar chunk_line: the longest chunk-size line, extensions included (400).
    :ivar trailers: the longest trailer section of a request (431).
    :ivar pipelined: how many bytes of pipelined requests are read while one is in progress.
    :ivar connections: how many connections are served at once (503).
    :ivar head_time: from the first byte of a head, or from accepting the connection, to the head's end (408).
    :ivar idle_time: how long a connection is kept open between requests.
    :ivar body_time: interval between checks of a request body's rate.
    :ivar body_rate: minimum rate of a request body in bytes a second, while we are reading it (408).
    :ivar stall_time: how long a client may accept nothing of what is written for it.
    :ivar dead_time: how long a client's kernel may acknowledge nothing, not even a zero-window probe.
    :ivar linger_time: how long a client that is still sending may take to read our last response.
    """

    request_line: int = 16 << 10
    head: int = 64 << 10
    fields: int = 200
    body: int = default_of("max_request_body")
    chunk_line: int = 1 << 10
    trailers: int = 8 << 10
    pipelined: int = 16 << 10
    connections: int = attr.field(factory=lambda: connection_cap(default_of("max_connections")))
    head_time: float = 30.0
    idle_time: float = 120.0
    body_time: float = 60.0
    body_rate: int = 100
    stall_time: float = 300.0
    dead_time: float = 30.0
    linger_time: float = 5.0
