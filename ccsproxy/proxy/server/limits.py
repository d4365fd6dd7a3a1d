"""How much and how long: the limits of the server side."""

import resource

import attr

from ccsproxy.config.model import default_of

#: File descriptors that connections never get: listeners, log, store, children, upstream names being looked up.
RESERVED_DESCRIPTORS = 64


def connection_cap(most: int, descriptors: int | None = None) -> int:
    """Return how many client connections fit below the limit of open files, each with one to an upstream.

    :param most: what is configured; never more than this.
    :param descriptors: the limit of open files; the process's own when left out.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return most
    return max(1, min(most, (descriptors - RESERVED_DESCRIPTORS) // 2))


@attr.frozen
class Limits:
    """What a client may ask of us. Sizes are bytes, times are seconds.

    :ivar request_line: the longest request line (414).
    :ivar head: the longest head, request line included (431).
    :ivar fields: the most header lines (431).
    :ivar body: the longest request body (413).
    :ivar chunk_line: the longest line that announces a chunk, extensions included (400).
    :ivar trailers: the longest trailer section of a request (431).
    :ivar pipelined: how much of the next requests is read while one is under way.
    :ivar connections: how many connections are served at a time (503).
    :ivar head_time: from the first byte of a head, or from the connection, to the head's end (408).
    :ivar idle_time: how long a connection is kept open between requests.
    :ivar body_time: how often the rate of a request body is looked at.
    :ivar body_rate: the least bytes a second of a request body that we are ready to read (408).
    :ivar stall_time: how long a client may take nothing of what there is for it.
    :ivar dead_time: how long a client's system may acknowledge nothing, not even that its window is closed.
    :ivar linger_time: how long a client that is still sending may read our last answer.
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
