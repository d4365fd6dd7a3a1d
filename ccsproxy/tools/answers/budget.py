"""``ccsproxy budget``: what may be spent, and what has been spent."""

import argparse
from typing import Any, TextIO

from ccsproxy.insight.cost.budget import BudgetError
from ccsproxy.providers.amounts import dollars, lacking, total
from ccsproxy.tools.answers.answering import examples, open_insights, read_budgets
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import Paint, table

NAME = "budget"
SUMMARY = "Show how much of each budget is spent: of the service's budgets, or of those given here."

_COLOURS = {"over": "red", "near": "yellow", "within": "green"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("budget", metavar="SCOPE=USD", nargs="*", help="such as day=20 or week@cwd:/home/me/shop=50")
    add_data_dir(parser)
    examples(parser, "ccsproxy budget", "ccsproxy budget day=20 month=300", "ccsproxy budget --json")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print a line per budget; exit status 1 if one is spent, 2 if one is invalid."""
    try:
        given = read_budgets(args.budget)
    except BudgetError as error:
        err.write(f"{error}\n")
        return 2
    _, insights = open_insights(args, given)
    found = insights.budget()
    if args.json:
        write_json(out, found)
    elif found:
        table([["BUDGET", "LIMIT", "SPENT", "LEFT", "SHARE", "CALLS"], *(_row(each) for each in found)], out)
        _notes(found, out)
    else:
        err.write("No budget is set; give one here, or to the service with --budget day=20.\n")
    return int(not found or any(each["state"] == "over" for each in found))


def _row(each: dict[str, Any]) -> list[str]:
    spent = total(each["spent"], each["unpriced"])
    share = f"{'≥ ' if each['bound'] else ''}{each['share']:.0%}"
    left = dollars(each["left"]) if each["left"] >= 0 else f"-{dollars(-each['left'])}"
    return [each["scope"], dollars(each["limit"]), spent, left, share, f"{each['requests']:,}"]


def _notes(found: list[dict[str, Any]], out: TextIO) -> None:
    paint = Paint(out)
    for each in found:
        if each["state"] != "within":
            state_words = "is spent" if each["state"] == "over" else "is nearly spent"
            out.write(paint(f"The budget {each['scope']} {state_words}.", _COLOURS[each["state"]]) + "\n")
    # Budgets overlap: adding these numbers would count the same call several times.
    if note := lacking(max(each["unpriced"] for each in found)):
        out.write(f"The sums lack {note}; see: ccsproxy why SESSION/SEQ, ccsproxy prices MODEL\n")
