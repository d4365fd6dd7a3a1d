"""One setting, as the table of settings lists it."""

from collections.abc import Callable
from typing import Any

import attr

from ccsproxy.config import values
from ccsproxy.config.model import default_of


def _default_of(field: str) -> str:
    """Format the default that `Config` has for a field."""
    return values.written(default_of(field))


@attr.frozen
class Setting:
    """One setting: a row of the table, and a field of `Config`.

    :ivar name: the option's name without dashes, and the key in the config file.
    :ivar read: parses text into the value; raises ValueError saying what would be right. None for a switch.
    :ivar meta: placeholder for the value in the help.
    :ivar help: one sentence.
    :ivar field: the attribute of `Config` it fills; the name with underscores.
    :ivar default: the default as shown to users; that of `Config`, unless it needs words.
    :ivar many: it may be given more than once.
    :ivar live: it can change while the service runs, see `reloaded`.
    """

    name: str
    read: Callable[[str], Any] | None
    meta: str
    help: str
    field: str = attr.field(
        kw_only=True, default=attr.Factory(lambda row: row.name.replace("-", "_"), takes_self=True)
    )
    default: str = attr.field(kw_only=True, default=attr.Factory(lambda row: _default_of(row.field), takes_self=True))
    many: bool = attr.field(kw_only=True, default=False)
    live: bool = attr.field(kw_only=True, default=False)
