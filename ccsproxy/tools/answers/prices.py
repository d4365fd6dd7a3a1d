"""``ccsproxy prices``: the price list, and which row of it applies to a model and why."""

import argparse
import difflib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import attr
import msgspec

from ccsproxy.exchange.ids import iso_time
from ccsproxy.providers.other_lists import PriceDifference, compare, read_list
from ccsproxy.providers.price_book import PriceBook, PricesError
from ccsproxy.providers.price_rows import Price, RowRates, Tier
from ccsproxy.providers.prices import LISTED, FoundPrice, price_list, provider_of
from ccsproxy.providers.resellers import unlisted
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json
from ccsproxy.tools.printing import table

NAME = "prices"
SUMMARY = "Show the price list, or which row of it applies to a model and why."

_COLUMNS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help="the model, as the API names it")
    parser.add_argument("--provider", metavar="NAME", default="", help="who sells it (default: its maker)")
    parser.add_argument(
        "--upstream", metavar="NAME", default="", help="for rows of your own that apply to one upstream only"
    )
    parser.add_argument(
        "--at", metavar="TIME", default="", help="prices of another time than now, as 2026-11-20T08:00:00Z"
    )
    parser.add_argument("--prices", metavar="FILE", help="your own prices (default: those that the service uses)")
    parser.add_argument(
        "--compare", metavar="FILE", help="report where models.dev's api.json or LiteLLM's price map differs"
    )
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the list, or the row of one model."""
    try:
        data_dir = Path(args.data_dir).expanduser()
        book = PriceBook(Path(args.prices)) if args.prices else PriceBook.of_data_dir(data_dir)
    except PricesError as reason:
        raise CommandError(f"{reason}.") from None
    at = args.at or iso_time(time.time())
    if args.compare:
        return _compare(book, at, args, out)
    if args.model is None:
        return _list(book, at, args, out)
    provider = args.provider or provider_of(args.upstream)
    found = book.find(args.model, at, provider, args.upstream)
    if found is None:
        raise CommandError(_unknown(args.model, provider, at))
    if args.json:
        write_json(out, _as_json(found))
    else:
        out.write("\n".join(_explain(found, args.model, at)) + "\n")
    return 0


def _list(book: PriceBook, at: str, args: argparse.Namespace, out: TextIO) -> int:
    """Write a line for each model whose price is known now."""
    rows: list[list[str]] = [["MODEL", "PROVIDER", "INPUT", "OUTPUT", "CACHED", "WRITE", "1h", "12h"]]
    for provider in [args.provider] if args.provider else LISTED:
        # A model has a row for each period with a different price; the list has one line per model.
        for name in dict.fromkeys(row.models[0] for row in price_list(provider).prices):
            found = book.find(name, at, provider, args.upstream)
            if found is None or found.price.rates is None:
                continue
            if args.json:
                write_json(out, {"model": name, **_as_json(found)})
            rows.append([name, "own" if found.own else provider, *_cells(found.price.rates)])
    if not args.json:
        table(rows, out)
        out.write(
            "US dollars per million tokens; 'ccsproxy prices MODEL' shows tiers, limits, fees and the source.\n"
        )
    return 0


def _compare(book: PriceBook, at: str, args: argparse.Namespace, out: TextIO) -> int:
    """Print where another price list, in a file, differs from ours."""

    def rates(model: str, provider: str) -> RowRates | None:
        found = book.find(model, at, provider)
        return found.price.rates if found is not None else None

    listed = frozenset([args.provider] if args.provider else LISTED)
    try:
        rows = list(read_list(msgspec.json.decode(Path(args.compare).read_bytes()), listed))
    except OSError as reason:
        raise CommandError(f"{args.compare} cannot be read: {reason.strerror}.") from None
    except (ValueError, msgspec.DecodeError) as reason:
        raise CommandError(f"{args.compare} is not a price list: {reason}.") from None
    found = [each for each in dict.fromkeys(compare(rows, rates)) if not args.model or each.model == args.model]
    if args.json:
        for each in found:
            write_json(out, attr.asdict(each))
        return 0
    cells = [["MODEL", "PROVIDER", "RATE", "OURS", "THEIRS"], *map(_difference, found)]
    if found:
        table(cells, out)
    missing = sum(not each.rate for each in found)
    out.write(
        f"{len(rows):,} prices there; {missing:,} of them are of models without a price here, "
        f"{len(found) - missing:,} rates differ.\n"
    )
    return 0


def _difference(each: PriceDifference) -> list[str]:
    ours, theirs = ("-" if rate is None else f"{rate:g}" for rate in (each.ours, each.theirs))
    return [each.model, each.provider, each.rate.replace("_", " ") or "no price", ours, theirs]


def _cells(rates: RowRates) -> list[str]:
    return ["-" if (rate := getattr(rates, name)) is None else f"{rate:g}" for name in _COLUMNS]


def _as_json(found: FoundPrice) -> dict[str, Any]:
    """Return a row with its source, without empty members."""
    row = {name: value for name, value in msgspec.to_builtins(found.price).items() if value not in (None, "", [], {})}
    return {**row, "own": found.own, "source": msgspec.to_builtins(found.source)}


def _explain(found: FoundPrice, model: str, at: str) -> Iterator[str]:
    """Describe a row, why it applies, and its source."""
    price = found.price
    yield f"{model} at {at}"
    yield f"  row:    {', '.join(price.models)}" + (f" of {price.provider}" if price.provider else "")
    yield f"  why:    {_why(found, model)}"
    for name, rate in msgspec.structs.asdict(price.rates or RowRates(input=0, output=0)).items():
        if rate is not None:
            yield f"  {name.replace('_', ' ') + ':':24}{rate:g} $ per million tokens"
    for step in price.steps:
        yield f"  above {step.above:,} tokens of prompt, for the whole call: {_short(step.rates)}"
    for tier, rates in price.tiers.items():
        yield f"  tier {tier}: {_short(rates.rates) if isinstance(rates, Tier) else f'times {rates:g}'}"
    for region, factor in price.regions.items():
        yield f"  region {region}: times {factor:g}"
    for kind, fee in price.fees.items():
        yield f"  {kind.replace('_', ' ')}: {fee:g} $ per thousand"
    if price.context:
        yield f"  context: {price.context:,} tokens"
    if found.source is not None:
        dated = f", dated {found.source.dated}" if found.source.dated else ""
        yield f"  source: {found.source.url}, read {found.source.read}{dated}"
        yield from [f"          {found.source.note}"] if found.source.note else []


def _why(found: FoundPrice, model: str) -> str:
    """Describe by which rule a row was chosen, and its period."""
    # Gemini's API names its models with this prefix, the price list without it.
    price, bare = found.price, model.removeprefix("models/")
    named = "its own name" if bare in price.models else "a snapshot, or a pattern, of a name in it"
    who = "your own price file" if found.own else f"the list of {price.provider}"
    period = " ".join(
        (
            f"since {price.since}," if price.since else "from the start,",
            f"until {price.until}" if price.until else "no end announced",
            *(
                [f"at {', '.join(price.hours)} UTC" + (" on workdays" if price.workdays else "")]
                if price.hours
                else []
            ),
            *([f"at the upstream {price.upstream}"] if price.upstream else []),
        )
    )
    return f"{named}, in {who}; in effect {period}"


def _short(rates: RowRates) -> str:
    known = {name: rate for name, rate in msgspec.structs.asdict(rates).items() if rate is not None}
    return ", ".join(f"{name.replace('_', ' ')} {rate:g}" for name, rate in known.items())


def _unknown(model: str, provider: str, at: str) -> str:
    """Explain why there is no price, as far as that is known, and what helps."""
    if why := unlisted(provider):
        return f"The price of {model} at {provider} is unknown: {why}. Give your own with --prices FILE."
    rows: list[Price] = [row for name in LISTED for row in price_list(name).prices]
    others = [row for row in rows if row.match(model) is not None]
    if others:
        held = sorted({f"{row.provider} {row.since or '...'} to {row.until or '...'}" for row in others})
        return f"{model} has no price{f' at {provider}' if provider else ''} at {at}; known are: {'; '.join(held)}."
    near = difflib.get_close_matches(model, sorted({name for row in rows for name in row.models}), 3)
    hint = f"; did you mean {', '.join(near)}?" if near else "."
    return (
        f"The price of {model} is unknown{hint} Give your own with --prices FILE (see the manual's page on prices)."
    )
