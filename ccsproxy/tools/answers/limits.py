"""``ccsproxy limits``: how full rate limits and subscription windows are, and when they will be reached."""

import argparse
from typing import Any, TextIO

from ccsproxy.insight import words
from ccsproxy.tools.answers.answering import open_insights
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import local_time, table

NAME = "limits"
SUMMARY = "Show how full rate limits and subscription windows are, and when they will be reached at the current rate."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    add_source(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print a line per limit; the one that will be reached first is marked for each account."""
    _, insights = open_insights(args)
    found = insights.limits()
    if args.json:
        write_json(out, found)
    elif found:
        rows = [["ACCOUNT", "PROVIDER", "LIMIT", "USED", "AN HOUR", "FULL AT", "RESETS", "MEASURED", "STATE"]]
        table([*rows, *(_row(each) for each in found)], out, ("AN HOUR", "PROVIDER", "FULL AT", "MEASURED"))
        out.write("* binds first. Other devices on the same account count, too.\n")
    else:
        err.write("No provider has reported a limit in the last eight days.\n")
    return 0 if found else 1


def _row(each: dict[str, Any]) -> list[str]:
    used = "–" if each["used"] is None else f"{each['used']:.0%}"
    rate = "–" if each["per_hour"] is None else f"{each['per_hour']:+.1%}"
    name = each["name"] + (" *" if each["binding"] else "")
    age = f"{words.seconds(each['age_s'])} ago"
    who = [each["account"][:24], each["provider"], name]
    return [*who, used, rate, full_at(each), local_time(each["resets_at"]), age, each["state"]]


def full_at(each: dict[str, Any]) -> str:
    """Describe when a limit will be reached at the current rate."""
    if each["reached_before_reset"] is None:
        return "–"
    if not each["reached_before_reset"]:
        return "not before reset"
    latest = local_time(each["reached_to"]) if each["reached_to"] else "later"
    return f"{local_time(each['reached_from'])} to {latest}"
