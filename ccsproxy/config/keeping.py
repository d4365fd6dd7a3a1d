"""The settings that the store needs: passed through relay and recorder as one value."""

import attr


@attr.frozen(kw_only=True)
class Keeping:
    """How records are kept. Sizes are bytes, times are seconds; 0 means for ever or without limit.

    Every class that has these settings is one of its kind or has one, so that an option is a field here, a row of
    ``SETTINGS``, and no third name on its way through three processes.

    :ivar redact: whether secrets are replaced.
    :ivar sync: ``interval`` (every second or so), ``record`` (before a record counts as stored) or ``never``.
    :ivar ship_hold: how much is kept beyond that, because a target of shipping has not taken it yet.
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
    """Pick out of more settings those that are for the store."""
    return Keeping(**{name: getattr(settings, name) for name in attr.fields_dict(Keeping)})
