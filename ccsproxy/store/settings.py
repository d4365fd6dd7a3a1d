"""What the store was told."""

import attr

#: More than the writer ever needs to be behind: beyond it bodies are dropped, then records.
QUEUE_BYTES = 64 << 20
QUEUE_COUNT = 10_000


@attr.frozen
class StoreSettings:
    """How the store works. Sizes are bytes, times are seconds; 0 means for ever or without limit.

    :ivar run: the session id of this run, for the headers of the segments.
    :ivar writer: program and version, for the headers of the segments.
    :ivar sync: ``interval`` (once in `sync_every`), ``record`` (before a record counts as stored) or ``never``.
    :ivar ship_hold: how much is kept beyond that, because a target of shipping has not taken it yet.
    :ivar min_free: retention removes old segments while the file system has less free space than this.
    """

    run: str = ""
    writer: str = "ccsproxy"
    redact: bool = True
    rotate_size: int = 64 << 20
    rotate_every: float = 3600.0
    retain_days: float = 30.0
    retain_size: int = 4 << 30
    min_free: int = 256 << 20
    compress: str = "zstd"
    sync: str = "interval"
    sync_every: float = 1.0
    queue_bytes: int = QUEUE_BYTES
    queue_count: int = QUEUE_COUNT
    ship_hold: int = 4 << 30
