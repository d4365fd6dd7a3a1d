"""``ccsproxy replay``: sends a recorded request again, modified or not, and compares the responses."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.capture.recorder.sessions.labels import REPLAY_OF
from ccsproxy.exchange.continuation import with_context
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exports.replay.comparison import ReplaySide, answer_lines, as_json, recorded_side, table_lines, usage_of
from ccsproxy.exports.replay.edits import Edits, read_setting
from ccsproxy.exports.replay.errors import EditError, NotReplayable
from ccsproxy.exports.replay.login import login_for
from ccsproxy.exports.replay.request import ReplayRequest, replay_request
from ccsproxy.launch.background import Background
from ccsproxy.replay.route import ReplayRoute, route_of
from ccsproxy.runtime.sockets.processes import LABELS
from ccsproxy.store.query import Query
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.answering import examples, place_of
from ccsproxy.tools.asking import exchange_of, open_reader, record_of
from ccsproxy.tools.data_dir import CommandError, WrongUsage, add_data_dir, reported, write_json
from ccsproxy.tools.printing import printable, short

NAME = "replay"
SUMMARY = "Send a recorded request again, with another model or other words, and show the answers side by side."

#: Maximum number of calls per command; each of them costs money.
_MOST = 20
#: Seconds to wait for the record of a new call, and between two checks.
_WRITTEN_WITHIN, _LOOK = 3.0, 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "place", metavar="SESSION[/SEQ]", help="the call, or last for the newest; for a session, its last main call"
    )
    parser.add_argument("--model", metavar="M", default="", help="another model of the same provider")
    parser.add_argument(
        "--set",
        metavar="JSONPATH=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="put a value (JSON, or else text) into the body; with nothing after the =, remove the member",
    )
    parser.add_argument(
        "--without-tool",
        metavar="T",
        action="append",
        default=[],
        help="leave out a tool; * and ? work as in a shell",
    )
    parser.add_argument(
        "--system", metavar="FILE", help="replace the system prompt by this file; - for standard input"
    )
    parser.add_argument("-n", "--times", metavar="N", type=int, default=1, help=f"send it N times, at most {_MOST}")
    add_data_dir(parser)
    examples(
        parser,
        "ccsproxy replay last --model claude-haiku-4-5",
        "ccsproxy replay 8231d7cf/27 --without-tool 'mcp__*' --set max_tokens=1000",
        "ccsproxy replay 8231d7cf/27 --set 'messages[-1].content=Say it in one sentence.' -n 3",
    )
    parser.epilog = f"{parser.epilog}\n\n{_NOTE}"


_NOTE = """The credential is taken from the environment (ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY, ...),
never from a record. A call is paid for like any other. Where the service runs, it records the new call, in a session
of its own and with the label replay_of. Exit status 1 when a call was not answered as it should be."""


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Send the request, and print the result."""
    if not 1 <= args.times <= _MOST:
        raise WrongUsage(f"-n takes 1 to {_MOST}.")
    reader = open_reader(args)
    session, seq, by_us = _chosen(reader, args.place)
    running = Background(Path(args.data_dir).expanduser().absolute()).running()
    if running is not None:
        _label(f"{session}/{seq}")
    record = with_context(record_of(reader, session, seq), lambda number: reader.record(session, number))
    name = f"{short(session)}/{seq}"
    try:
        request = replay_request(record, _edits(args))
        way = route_of(request, running)
        login = login_for(request, os.environ, (running or {}).get("upstreams") or {})
    except EditError as error:
        raise WrongUsage(f"{name} cannot be modified like that: {error}.") from None
    except NotReplayable as error:
        raise CommandError(f"{name} cannot be sent again: {error}.") from None
    for note in (*([f"sending {name} again, the last main call of the session"] * by_us), *request.notes):
        err.write(f"ccsproxy: {note}\n")
    sides, began = [recorded_side(record, name, _cost(reader, record))], time.time()
    sides += _send(args, request, way, login, reader, out)
    made = _recorded_as(reader, f"{session}/{seq}", began, args.times) if way.recorded else []
    _write(args, sides, made, way, out)
    return 0 if all(side.outcome == "complete" for side in sides[1:]) else 1


def _chosen(reader: Reader, text: str) -> tuple[str, int, bool]:
    """Return the call, and whether it was chosen here: the last main call of a session."""
    if text == "last":
        return (*exchange_of(reader, text), False)
    session, seq = place_of(reader, text)
    if seq is not None:
        return session, seq, False
    turns = Insights(reader).conversation(session)["turns"]
    steps = [step["seq"] for turn in turns for step in turn["steps"]]
    if not steps:
        raise CommandError(f"Session {short(session)} has no main call; write SESSION/SEQ.")
    return session, int(steps[-1]), True


def _edits(args: argparse.Namespace) -> Edits:
    """Parse the requested modifications.

    :raises EditError: if one is invalid.
    """
    system = None
    if args.system == "-":
        system = sys.stdin.read()
    elif args.system:
        system = Path(args.system).expanduser().read_text("utf-8")
    return Edits(args.model, tuple(map(read_setting, args.settings)), tuple(args.without_tool), system)


def _label(call: str) -> None:
    """Make the service label our calls: it reads the label from the environment that a process started with."""
    replay_label = f"{REPLAY_OF}={call}"
    labels = [each for each in os.environ.get(LABELS, "").split(",") if each]
    if replay_label not in labels:
        environment = {**os.environ, LABELS: ",".join([*labels, replay_label])}
        os.execve(sys.executable, [sys.executable, "-P", "-m", "ccsproxy.tools", *sys.argv[1:]], environment)  # noqa: S606


def _cost(reader: Reader, record: Mapping[str, Any]) -> Any:
    model = record.get("response_model") or record.get("model")
    return reader.price(
        model,
        usage_of(record),
        str(record.get("started_at")),
        str(record.get("upstream") or ""),
        str(record.get("upstream_url") or ""),
    )


def _send(
    args: argparse.Namespace,
    request: ReplayRequest,
    way: ReplayRoute,
    login: tuple[tuple[str, str], ...],
    reader: Reader,
    out: TextIO,
) -> list[ReplaySide]:
    """Make the calls, one after the other, and print their text as it arrives."""
    from twisted.internet import reactor

    from ccsproxy.providers.prices import provider_of
    from ccsproxy.replay.route import connect
    from ccsproxy.replay.sending import ReplaySender
    from ccsproxy.tools.service.foreground import log_warnings

    sides: list[ReplaySide] = []

    def price(model: str | None, usage: Any) -> Any:
        return reader.price(model, usage, iso_time(time.time()), request.upstream, way.url)

    def show(words: str) -> None:
        if not args.json:
            out.write(_printable(words))
            out.flush()

    async def make() -> None:
        client, pool = connect(reactor, way.base)
        sender = ReplaySender(client, reactor, provider_of(request.upstream, way.url), price, show)
        for number in range(1, args.times + 1):
            title = "again" if args.times == 1 else f"again {number}"
            sides.append(await sender.send(request, login, title))
            show("\n")
        await pool.closeCachedConnections()

    log_warnings()
    _run_to_the_end(make)
    if len(sides) < args.times:
        raise KeyboardInterrupt
    return sides


def _printable(words: str) -> str:
    """Return a model's text without control characters, which could steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in words)


def _run_to_the_end(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the reactor until a coroutine is done, and raise its exception, if any."""
    from twisted.internet import reactor
    from twisted.internet.defer import CancelledError, ensureDeferred

    failed: list[BaseException] = []

    def ended(result: Any) -> None:
        if result is not None and not result.check(CancelledError):
            failed.append(result.value)
        if reactor.running:
            reactor.stop()

    reactor.callWhenRunning(lambda: ensureDeferred(make()).addBoth(ended))
    reactor.run()
    if failed:
        raise failed[0]


def _recorded_as(reader: Reader, call: str, began: float, count: int) -> list[str]:
    """Return the new calls as recorded; fewer if they were not written in time."""
    until = time.monotonic() + _WRITTEN_WITHIN
    while True:
        rows = reader.requests(Query(since=int(began * 1000), limit=100)).items
        places = [(row["session_id"], int(row["seq"])) for row in rows if row.get("outcome")]
        found = [f"{sid}/{seq}" for sid, seq in places if reader.record(sid, seq)["labels"].get(REPLAY_OF) == call]
        if len(found) >= count or time.monotonic() > until:
            return found[::-1]
        time.sleep(_LOOK)


def _write(args: argparse.Namespace, sides: list[ReplaySide], made: list[str], way: ReplayRoute, out: TextIO) -> None:
    if args.json:
        write_json(out, {"calls": [as_json(side) for side in sides], "upstream": way.url, "recorded": made})
        return
    out.write("\n")
    width = shutil.get_terminal_size((100, 24)).columns
    for line in (*table_lines(sides), "", *answer_lines(sides, width)):
        out.write(printable(line) + "\n")
    places = [f"{short(sid)}/{seq}" for sid, _, seq in (each.rpartition("/") for each in made)]
    if places:
        out.write(f"\nrecorded as {', '.join(places)}; ccsproxy diff {sides[0].title} {places[0]}\n")
    elif not way.recorded:
        out.write("\nnot recorded: no running service relays to this upstream ('ccsproxy up' starts one)\n")
