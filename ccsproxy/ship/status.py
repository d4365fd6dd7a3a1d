"""The reported status of a target: for health, metrics, pages and commands; it contains no secrets and no content."""

from typing import Any

import msgspec


class Status(msgspec.Struct, kw_only=True):
    """The status of a target.

    :ivar target: its name (`ccsproxy.config.shipping.ShipAddress.name`).
    :ivar state: ``starting``, ``ok`` (up to date or sending), ``waiting`` (failed, will be retried), ``stopped``,
    ``down`` (the shipping process does not answer).
    :ivar trouble: why it waits, one sentence; empty otherwise.
    :ivar lag_s: seconds since the end of the oldest record that it does not have yet; null if unknown.
    :ivar lag_bytes: approximate size on disk of what it does not have yet.
    :ivar segment: the segment of its position, ``offset`` bytes into it; -1 for its end.
    :ivar sent: records that it has accepted, since it was first shipped to.
    :ivar refused: records that it rejected, or that must not be shipped.
    :ivar missed: upper bound of the records that retention removed before it had them (``--ship-hold``).
    :ivar deletions: sessions that it still has to delete.
    :ivar retries: number of retries since the start.
    """

    target: str
    state: str = "starting"
    trouble: str = ""
    lag_s: float | None = None
    lag_bytes: int | None = None
    segment: str = ""
    offset: int = 0
    sent: int = 0
    refused: int = 0
    missed: int = 0
    deletions: int = 0
    retries: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Convert it to the form shown by health."""
        members = msgspec.structs.asdict(self)
        position = {"segment": members.pop("segment"), "offset": members.pop("offset")}
        return {**members, "position": position}
