"""Health as the relay last reported it, so that answering takes the same time whatever the store holds."""

import time
from collections.abc import Callable, Mapping
from typing import Any

#: The members of the response and their values until the relay has sent any: unknown, which is null.
MEMBERS = (
    *("provider", "upstream", "session_id", "started_at", "request_count", "store"),
    *("pid", "version", "upstreams", "in_flight", "accepted", "stored", "dropped", "queue_bytes", "redact"),
    *("recorder_behind_s", "capture_failures", "ship"),
)


class Health:
    """The latest health snapshot sent by the relay."""

    def __init__(
        self,
        seconds: Callable[[], float],
        facts: Mapping[str, Any],
        started: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Start without a snapshot.

        :param seconds: a monotonic clock, for the age of a snapshot.
        :param wall: returns the time in seconds since the epoch.
        :param facts: the members that do not change while the program runs.
        :param started: when the program started, in seconds since the epoch.
        """
        self._seconds, self._wall = seconds, wall
        self._facts = {**dict.fromkeys(MEMBERS), **facts}
        self._started = started
        self._taken: float | None = None
        self._snapshot: Mapping[str, Any] = {}

    def update(self, snapshot: Mapping[str, Any]) -> None:
        """Store the relay's newest snapshot."""
        self._snapshot = snapshot
        self._taken = self._seconds()

    def answer(self) -> dict[str, Any]:
        """Return the members of the response, and the age of the snapshot."""
        now = self._seconds()
        # By a monotonic clock, because the age is what reveals a relay that hangs.
        age = None if self._taken is None else round(max(now - self._taken, 0.0), 3)
        uptime = round(max(self._wall() - self._started, 0.0), 3)
        return {"status": "ok", **self._facts, **self._snapshot, "uptime_s": uptime, "snapshot_age_s": age}
