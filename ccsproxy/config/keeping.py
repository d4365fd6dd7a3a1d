"""The settings that the store needs: passed through relay and recorder as one value."""

import attr


@attr.frozen(kw_only=True)
class Keeping:
    """Settings for keeping records. Sizes are in bytes, times in seconds; 0 means for ever or without limit.

    Every class that has these settings derives from this one or contains one, so that an option is a field here and a
    row of ``SETTINGS``, and needs no third name on its way through three processes.

    :ivar redact: whether secrets are replaced.
    :ivar sync: ``interval`` (about every second), ``record`` (before a record counts as stored) or ``never``.
    :ivar ship_hold: how much is kept beyond these limits because a shipping target has not accepted it yet.
    """

    redact: bool = True
    rotate_size: int = 64 << 20
    rotate_every: float = 3600.0
    retain_days: float = 30.0
    retain_size: int = 4 << 30
    compress: str = "zstd"
    sync: str = "interval"
    ship_hold: int = 4 << 30


def keeping_of(settings: Keeping) -> Keeping:
    """Pick the store's settings out of a larger set."""
    return Keeping(**{name: getattr(settings, name) for name in attr.fields_dict(Keeping)})
