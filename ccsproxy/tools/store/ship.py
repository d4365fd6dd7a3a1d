"""``ccsproxy ship``: reports the position of each target, and ships existing records."""

import argparse
import os
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.capture.settings import own_labels
from ccsproxy.config.shipping import CONTENT, ShipAddress, ship_address
from ccsproxy.errors import ConfigError
from ccsproxy.ship.link import ShipSettings
from ccsproxy.ship.status import Status
from ccsproxy.store.query import parse_time
from ccsproxy.store.state.shipments import Shipments
from ccsproxy.store.state.state import State
from ccsproxy.tools.data_dir import CommandError, WrongUsage, add_data_dir, data_dir_of, reported, write_json

NAME = "ship"
SUMMARY = "Report the position of each target, or ship existing records to one."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", metavar="URL", help="ship all existing records to this target, then exit")
    what.add_argument("--schema", metavar="URL", nargs="?", const="", help="print the tables of a ClickHouse target")
    what.add_argument("--forget", metavar="TARGET", help="forget a target and its outstanding deletions")
    parser.add_argument("--since", metavar="TIME", help="with --once: leave out what began earlier")
    parser.add_argument("--ship-content", choices=CONTENT, default=CONTENT[0], help="with --once, as for serve")
    parser.add_argument("--ship-credentials", metavar="FILE", help="default: ship-credentials.toml in the data dir")
    parser.add_argument("--host", metavar="NAME", help="the label for this machine (default: its name)")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Execute the option; without one, print the position of each target."""
    try:
        if args.schema is not None:
            return _schema(args.schema, out)
        if args.once:
            return _once(args, out)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    state = State(data_dir_of(args))
    try:
        # Listing must not create a state where there is none.
        shipments = Shipments(state) if state.path.is_file() else None
        if args.forget:
            return _forget(shipments, args.forget, out)
        return _list(shipments, state, args.json, out)
    finally:
        state.close()


def _address(text: str) -> ShipAddress:
    try:
        return ship_address(text)
    except ValueError as error:
        raise WrongUsage(f"{error}.") from None


def _once(args: argparse.Namespace, out: TextIO) -> int:
    from ccsproxy.ship.registry import check

    address, data_dir = _address(args.once), data_dir_of(args)
    check(address)
    settings = ShipSettings(
        data_dir=str(data_dir.absolute()),
        targets=[args.once],
        content=args.ship_content,
        host=args.host or own_labels()["host"],
        credentials=str(Path(args.ship_credentials or data_dir / "ship-credentials.toml").expanduser()),
    )
    # What is written to a folder contains prompts.
    os.umask(0o077)
    status = _shipped(address, settings, parse_time(args.since) / 1000 if args.since else 0.0)
    if args.json:
        write_json(out, status.as_dict())
    else:
        out.write(f"{status.target}: {status.sent} records accepted, {status.refused} rejected\n")
    if status.trouble:
        raise CommandError(f"Not everything was shipped: {status.trouble}; run it again to continue.")
    return 0


def _shipped(address: ShipAddress, settings: ShipSettings, since: float) -> Status:
    """Run the reactor until it is done."""
    from twisted.internet import reactor as installed
    from twisted.internet.defer import ensureDeferred
    from twisted.python.failure import Failure

    from ccsproxy.ship.delivery.once import ship_once
    from ccsproxy.tools.service.foreground import log_warnings

    reactor: Any = installed
    ended: list[Any] = []

    def end(result: Any) -> None:
        ended.append(result)
        reactor.stop()

    log_warnings()
    reactor.callWhenRunning(lambda: ensureDeferred(ship_once(reactor, address, settings, since)).addBoth(end))
    reactor.run()
    if not ended:
        raise CommandError("Interrupted; run it again to continue.")
    if isinstance(ended[0], Failure):
        ended[0].raiseException()
    status: Status = ended[0]
    return status


def _schema(text: str, out: TextIO) -> int:
    from ccsproxy.ship.clickhouse.schema import schema

    address = _address(text or "clickhouse+https://localhost/ccsproxy")
    if address.kind != "clickhouse":
        raise WrongUsage(f"{address.kind} has no tables; name a clickhouse+https:// target.")
    out.write(";\n\n".join(schema(address)) + ";\n")
    return 0


def _forget(shipments: Shipments | None, target: str, out: TextIO) -> int:
    if shipments is None or target not in shipments.every():
        raise CommandError(f"{target} is not a known target; 'ccsproxy ship' lists the targets.")
    shipments.drop(target)
    out.write(f"{target} is forgotten.\n")
    return 0


def _list(shipments: Shipments | None, state: State, as_json: bool, out: TextIO) -> int:
    found = shipments.every() if shipments is not None else {}
    owed = [target for target, _ in state.deletions()] if found else []
    rows = [
        {
            "target": each.target,
            "used": each.wanted,
            "sent": each.sent,
            "refused": each.refused,
            "missed": each.missed,
            "deletions": owed.count(each.target),
            "segment": each.position.segment,
        }
        for each in found.values()
    ]
    if as_json:
        write_json(out, rows)
        return 0
    for row in rows:
        used = "" if row["used"] else "  (not used by the service)"
        out.write(
            f"{row['target']}{used}\n  {row['sent']} accepted, {row['refused']} rejected, {row['missed']} missed, "
            f"{row['deletions']} deletions pending; at {row['segment'] or 'the beginning'}\n"
        )
    if not rows:
        out.write("Nothing has been shipped yet; use --ship of 'ccsproxy serve', or --once.\n")
    return 0
