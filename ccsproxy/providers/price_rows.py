"""The rows of a price list: what one model costs in one period (``price_list/*.json``, ``--prices FILE``)."""

import re
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

#: Suffixes of a model's name that do not make it another model: a date, a snapshot number, ``-latest``.
_SNAPSHOT = re.compile(r"(?:-latest|[-@]20\d{6}|-20\d\d-\d\d-\d\d|-\d{3}|-preview-\d\d-\d\d(?:\d\d)?)?\Z")
_PATTERN = frozenset("*?[")


class RowRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens; None if no list price is known.

    :ivar cache_write: for the shortest lifetime that the provider offers (5 minutes, OpenAI's 30).
    :ivar cache_write_1h: for one hour (Anthropic, Moonshot).
    :ivar cache_write_12h: for twelve hours (OpenAI).
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    cache_write_12h: float | None = None
    audio_input: float | None = None
    audio_output: float | None = None
    audio_cache_read: float | None = None
    image_input: float | None = None
    image_output: float | None = None

    def times(self, factor: float) -> "RowRates":
        """Return these rates multiplied by a factor."""
        rates: dict[str, float] = msgspec.structs.asdict(self)
        return RowRates(**{name: rate * factor for name, rate in rates.items() if rate is not None})


class PriceStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rates of a whole request whose prompt is longer than ``above`` tokens."""

    above: int
    rates: RowRates


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rates of a tier that is not a multiple of the standard one."""

    rates: RowRates
    steps: tuple[PriceStep, ...] = ()


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The price of models in one period.

    :ivar models: names, which include their dated snapshots, or patterns with ``*``.
    :ivar rates: of the standard tier; None in a row that only sets the context window.
    :ivar source: key of the page in which it was read.
    :ivar provider: the seller with this price; empty in the user's own rows for any.
    :ivar upstream: NAME of the only upstream to which the row applies; empty for all.
    :ivar since: first day, ``YYYY-MM-DD``, UTC; empty for no limit.
    :ivar until: last day; empty for no limit.
    :ivar hours: times of day, ``HH:MM-HH:MM`` UTC, to which the row is restricted.
    :ivar workdays: the row applies from Monday to Friday only.
    :ivar steps: long prompts, the lowest limit first.
    :ivar tiers: other tiers, by the provider's name: a factor on all rates, or rates of their own.
    :ivar regions: factors on all rates, by the region that the provider reports, or that its host names.
    :ivar fees: US dollars per thousand pieces, by kind (see `ccsproxy.exchange.usage.Usage`).
    :ivar context: the model's context window in tokens.
    """

    models: tuple[str, ...]
    rates: RowRates | None = None
    source: str = ""
    provider: str = ""
    upstream: str = ""
    since: str = ""
    until: str = ""
    hours: tuple[str, ...] = ()
    workdays: bool = False
    steps: tuple[PriceStep, ...] = ()
    tiers: dict[str, float | Tier] = {}
    regions: dict[str, float] = {}
    fees: dict[str, float] = {}
    context: int | None = None

    def match(self, model: str) -> int | None:
        """Return how well one of the row's names matches a model, longer names better; None for no match."""
        fits = [length for name in self.models if (length := _fit(name, model)) is not None]
        return max(fits, default=None)

    def applies(self, day: str, minute: str, workday: bool) -> bool:
        """Return whether the row applies at a time: ``YYYY-MM-DD``, ``HH:MM``, and whether it is Monday to Friday."""
        if self.since > day or (self.until and self.until < day) or (self.workdays and not workday):
            return False
        return not self.hours or any(begin <= minute < end for begin, end in self._spans)

    def times(self, factor: float) -> "Price":
        """Return this row with all rates multiplied by a factor; fees stay."""
        if factor == 1.0 or self.rates is None:
            return self
        tiers = {
            name: Tier(tier.rates.times(factor), _steps(tier.steps, factor)) if isinstance(tier, Tier) else tier
            for name, tier in self.tiers.items()
        }
        return msgspec.structs.replace(
            self, rates=self.rates.times(factor), steps=_steps(self.steps, factor), tiers=tiers
        )

    @cached_property
    def _spans(self) -> list[tuple[str, str]]:
        return [(span[:5], span[6:]) for span in self.hours]


def _steps(steps: tuple[PriceStep, ...], factor: float) -> tuple[PriceStep, ...]:
    return tuple(PriceStep(step.above, step.rates.times(factor)) for step in steps)


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where prices were read.

    :ivar url: the page.
    :ivar read: the day on which it was read for this list.
    :ivar dated: the date or month on the page, or on the copy that was read; empty if it has none.
    :ivar note: the author of the page, if it is not the provider itself.
    """

    url: str
    read: str
    dated: str = ""
    note: str = ""


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of one ``price_list/PROVIDER.json``."""

    sources: dict[str, Source]
    prices: list[Price]


def _fit(name: str, model: str) -> int | None:
    """Return the length of a name or pattern that matches a model; None if it does not match."""
    if _PATTERN.isdisjoint(name):
        return len(name) if model.startswith(name) and _SNAPSHOT.match(model, len(name)) else None
    # A pattern ranks below any name, and higher the longer it is.
    return len(name) - 1000 if fnmatchcase(model, name) else None
