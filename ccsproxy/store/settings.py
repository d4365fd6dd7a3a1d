"""The settings of the store."""

import attr

from ccsproxy.config.keeping import Keeping

#: More than the writer should ever be behind: beyond it bodies are dropped, then records.
QUEUE_BYTES = 64 << 20
QUEUE_COUNT = 10_000


@attr.frozen
class StoreSettings(Keeping):
    """The store's settings: the configurable ones, and some of our own.

    :ivar run: the session id of this run, for the headers of the segments.
    :ivar writer: program and version, for the headers of the segments.
    :ivar min_free: retention removes old segments while the file system has less free space than this.
    """

    run: str = ""
    writer: str = "ccsproxy"
    min_free: int = 256 << 20
    sync_every: float = 1.0
    queue_bytes: int = QUEUE_BYTES
    queue_count: int = QUEUE_COUNT
