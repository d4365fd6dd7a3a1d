"""The rows of a price list: what one model costs in one period (``price_list/*.json``, ``--prices FILE``)."""

import re
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

#: What may follow a model's name without making it another model: a date, a number of a snapshot, ``-latest``.
_SNAPSHOT = re.compile(r"(?:-latest|[-@]20\d{6}|-20\d\d-\d\d-\d\d|-\d{3}|-preview-\d\d-\d\d(?:\d\d)?)?\Z")
_PATTERN = frozenset("*?[")


class RowRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens; None where no list price is known.

    :ivar cache_write: of an entry that lives as short as the provider offers (5 minutes, OpenAI's 30).
    :ivar cache_write_1h: of one that lives an hour (Anthropic, Moonshot).
    :ivar cache_write_12h: of one that lives twelve hours (OpenAI).
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
    """The rates of a tier that is no plain multiple of the standard one."""

    rates: RowRates
    steps: tuple[PriceStep, ...] = ()


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What models cost in one period.

    :ivar models: names, whose dated snapshots are meant too, or patterns with ``*``.
    :ivar rates: of the standard tier; None in a row that only tells the context window.
    :ivar source: key of the page that says so.
    :ivar provider: who sells it at this price; empty in the user's own rows for anyone.
    :ivar upstream: NAME of the only upstream that the row is for; empty for all.
    :ivar since: first day, ``YYYY-MM-DD``, UTC; empty for ever since.
    :ivar until: last day; empty while it lasts.
    :ivar hours: times of day, ``HH:MM-HH:MM`` UTC, to which the row is restricted.
    :ivar workdays: the row is for Monday to Friday only.
    :ivar steps: long prompts, the shortest limit first.
    :ivar tiers: other tiers, by the provider's word: a factor on all rates, or rates of their own.
    :ivar regions: factors on all rates, by the region that the provider says it served from.
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
        """Return how well one of the row's names fits a model, a longer name better; None when none does."""
        fits = [length for name in self.models if (length := _fit(name, model)) is not None]
        return max(fits, default=None)

    def applies(self, day: str, minute: str, workday: bool) -> bool:
        """Tell whether the row holds at a time: ``YYYY-MM-DD``, ``HH:MM``, and whether it is Monday to Friday."""
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
    :ivar dated: the day or month that the page, or the copy of it that was read, bears; empty when it bears none.
    :ivar note: whose words they are, where it is not the maker's own page.
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
    """Return the length of a name or pattern that means a model, None when it means another."""
    if _PATTERN.isdisjoint(name):
        return len(name) if model.startswith(name) and _SNAPSHOT.match(model, len(name)) else None
    # A pattern fits less well than any name, and better the more it says.
    return len(name) - 1000 if fnmatchcase(model, name) else None
