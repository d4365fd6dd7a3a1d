"""What is told of one target: in health, metrics, page and commands; it holds no secret and nothing that was said."""

from typing import Any

import msgspec


class Status(msgspec.Struct, kw_only=True):
    """How a target stands.

    :ivar target: its name (`ccsproxy.config.shipping.ShipAddress.name`).
    :ivar state: ``starting``, ``ok`` (it has everything, or is being sent it), ``waiting`` (it had trouble and is
        tried again), ``stopped``, ``down`` (the process that ships does not answer).
    :ivar trouble: why it waits, one sentence; empty when it does not.
    :ivar lag_s: how long the oldest record that it has not had has been finished, seconds; null when not known.
    :ivar lag_bytes: about how much it has not had, as the segments lie on the disk.
    :ivar segment: where its position is, ``offset`` bytes into that segment; -1 for behind its end.
    :ivar sent: records that it has taken, since it was first shipped to.
    :ivar refused: records that it would not take, or that may not be shipped.
    :ivar missed: records, at most, that retention removed before it had them (``--ship-hold``).
    :ivar deletions: sessions that it still has to delete.
    :ivar retries: how often something was sent again, since the start.
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
        """Return it as health shows it."""
        said = msgspec.structs.asdict(self)
        position = {"segment": said.pop("segment"), "offset": said.pop("offset")}
        return {**said, "position": position}
