"""The prices in force: the user's own file (``--prices FILE``) before the built-in lists.

The service keeps a copy of the file in its data dir, so that later commands (``reindex``, ``prices``) compute the
same prices.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import Cost, cost_of
from ccsproxy.providers.price_rows import Price
from ccsproxy.providers.prices import FoundPrice, context_window, find_price, provider_of

#: The name of the copy in the data dir.
COPY = "prices.toml"
#: No list of a person is longer, in bytes.
_LONGEST = 1 << 20


class PricesError(ValueError):
    """A price file cannot be used; the message says where, what is wrong and what would be valid."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a price file."""

    price: list[Price] = []


def read_prices(path: Path) -> tuple[Price, ...]:
    """Read a file of the user's own prices.

    :raises PricesError: if it cannot be read or is invalid.
    """
    try:
        with open(path, "rb") as file:
            # One byte more than is allowed: a longer file shows itself without being read to its end.
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise PricesError(f"{path} is longer than a price list of 1 MB")
        document: dict[str, Any] = tomllib.loads(data.decode())
        rows = msgspec.convert(document, _File).price
    except OSError as reason:
        raise PricesError(f"{path} cannot be read: {reason.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as reason:
        raise PricesError(f"{path} is no TOML: {reason}") from None
    except msgspec.ValidationError as reason:
        raise PricesError(
            f"{path}: {reason}; a row is [[price]] with models = [...] and rates = {{input = 3.0, output = 15.0}}, "
            "US dollars per million tokens"
        ) from None
    for row in rows:
        _check(path, row)
    return tuple(rows)


def _check(path: Path, row: Price) -> None:
    """Reject rows that can never apply, or have no content."""
    name = ", ".join(row.models) or "?"
    if not row.models or not all(row.models):
        raise PricesError(f"{path}: a row names no model")
    if row.rates is None and row.context is None:
        raise PricesError(f"{path}: the row of {name} has neither rates nor context")
    if row.rates is not None and min(row.rates.input, row.rates.output) < 0:
        raise PricesError(f"{path}: the row of {name} has a rate below zero")
    if row.since and row.until and row.since > row.until:
        raise PricesError(f"{path}: the row of {name} ends before it begins")
    for day in (row.since, row.until):
        if day and (len(day) != 10 or not day.replace("-", "").isdigit()):
            raise PricesError(f"{path}: {day!r} in the row of {name} is not a date; write it as 2026-11-30")


class PriceBook:
    """Computes the prices of calls. Thread-safe: reloading the file replaces all rows in one step.

    :ivar path: the user's own file; None if there is none.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Read the file.

        :raises PricesError: when it cannot be used.
        """
        self.path = path
        self._own: tuple[Price, ...] = () if path is None else read_prices(path)

    @classmethod
    def of_data_dir(cls, data_dir: Path) -> "PriceBook":
        """Return the prices of the service of a data dir; a copy that cannot be read is ignored."""
        path = data_dir / COPY
        try:
            return cls(path if path.is_file() else None)
        except PricesError:
            # A copy is made by us: if it is broken, a command that looks at records should still work.
            return cls()

    def reload(self, path: Path | None) -> None:
        """Read the file again, or another one; if it cannot be used, nothing changes.

        :raises PricesError: if it cannot be used.
        """
        self._own = () if path is None else read_prices(path)
        self.path = path

    def keep_copy(self, data_dir: Path) -> None:
        """Copy the file into the data dir for commands, or remove the copy if there is no file.

        :raises OSError: if that fails.
        """
        copy = data_dir / COPY
        if self.path is None:
            copy.unlink(missing_ok=True)
            return
        data, aside = self.path.read_bytes(), copy.with_name(COPY + ".new")
        # A process that was killed may have left one, and the new one must be ours from the start.
        aside.unlink(missing_ok=True)
        with open(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
        aside.replace(copy)

    def cost(self, model: str | None, usage: Usage | None, at: str, upstream: str = "", url: str = "") -> Cost:
        """Return what a call costs, or why that is unknown.

        :param model: the model that answered.
        :param usage: its usage.
        :param at: the time, RFC 3339.
        :param upstream: NAME of the upstream.
        :param url: its address, empty in records before version 3.
        """
        return cost_of(model, usage, at, provider_of(upstream, url), upstream, self._own, url)

    def find(self, model: str, at: str, provider: str = "", upstream: str = "") -> FoundPrice | None:
        """Return the row that applies to a model at a time; None if there is none."""
        return find_price(model, at, provider, upstream, self._own)

    def context_window(self, model: str, upstream: str = "", url: str = "") -> int | None:
        """Return the size of a model's context window in tokens; None if unknown."""
        return context_window(model, provider_of(upstream, url), upstream, self._own)


#: Computes the cost of a call from the built-in lists only.
list_price = PriceBook().cost
