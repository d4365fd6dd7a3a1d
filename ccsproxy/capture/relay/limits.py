"""How much the hand-over to the recorder may hold, and how long it waits."""

import attr

from ccsproxy.capture.relay.spill import SpillBounds


@attr.frozen
class CaptureLimits:
    """Limits of the hand-over.

    :ivar memory: bytes held in memory per relay process before regions of its log are spilled.
    :ivar spill: see `SpillBounds`; the file size limit is shared by all relay processes.
    :ivar ready_within: seconds that startup waits for the recorder; until it is ready, the log fills.
    :ivar flush_within: shutdown stops waiting after this many seconds without any exchange being stored.
    :ivar nice: how much lower the recorder's priority is. At 19 any busy program of the machine starved it; at 5 it
    gets a quarter of a processor that the relay uses fully.
    :ivar patience: after this many successive deaths without anything stored, what the recorder was processing is
    skipped, so that one exchange that kills the recorder does not stop all recording.
    """

    memory: int = 8 << 20
    spill: SpillBounds = attr.field(factory=SpillBounds)
    ready_within: float = 10.0
    flush_within: float = 20.0
    nice: int = 5
    patience: int = 5
