"""``ccsproxy mock``: a mock upstream that answers from recorded sessions, at their recorded pace."""

import argparse
import functools
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from ccsproxy.exports.address import forwarded_path
from ccsproxy.exports.mock.answers import RecordedAnswer, answer_of
from ccsproxy.exports.mock.matching import MATCHES, PREFIX
from ccsproxy.insight.words import plural
from ccsproxy.launch.background import UPSTREAMS
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.interception import Interception
from ccsproxy.replay.mock.answering import Answering, MockedCall, Served, recorded_call
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.answering import examples, place_of
from ccsproxy.tools.asking import open_reader
from ccsproxy.tools.data_dir import CommandError, WrongUsage, add_data_dir, data_dir_of, reported, write_json
from ccsproxy.tools.printing import short

NAME = "mock"
SUMMARY = "Answer as a provider would, from recorded sessions: a fake upstream on this machine."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "place", metavar="SESSION[/SEQ]", nargs="+", help="whose calls to use; last for the newest session"
    )
    parser.add_argument("--port", metavar="N", type=int, default=0, help="loopback port (default: any)")
    parser.add_argument(
        "--speed",
        metavar="X",
        type=float,
        default=1.0,
        help="answer X times as fast as recorded; 0 does not wait at all",
    )
    parser.add_argument(
        "--match",
        choices=MATCHES,
        default=PREFIX,
        help="which call answers a request: one with an equal request (exact); otherwise one with the same "
        "conversation so far, or its longest common beginning (prefix, the default); or simply the next one for the "
        "same path (next)",
    )
    add_data_dir(parser)
    examples(
        parser,
        "ccsproxy mock 8231d7cf                       then: ANTHROPIC_BASE_URL=http://127.0.0.1:PORT claude",
        "ccsproxy mock last --speed 10 --match next   ten times as fast, in the recorded order",
        "ccsproxy --replay-into last claude -p ...    an agent against it, nothing to set",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Serve the mock provider until interrupted."""
    if args.speed < 0 or not 0 <= args.port < 65536:
        raise WrongUsage("--speed takes 0 or more, --port 0 to 65535.")
    reader = open_reader(args)
    calls, lacking = _calls(reader, args.place)
    if not calls:
        raise CommandError("None of these calls can be replayed: their responses were not kept.")
    _serve(args, calls, lacking, out)
    return 0


def _calls(reader: Reader, places: list[str]) -> tuple[list[MockedCall], list[str]]:
    """Return the calls that can be replayed, and the names of the others."""
    found, lacking = list[MockedCall](), list[str]()
    for record in _records(reader, places):
        name = f"{record['session_id']}/{record['seq']}"
        if answer_of(record) is None:
            lacking.append(name)
            continue
        again = functools.partial(_answer, reader, str(record["session_id"]), int(record["seq"]))
        found.append(recorded_call(record, forwarded_path(record), again))
    return found, lacking


def _records(reader: Reader, places: list[str]) -> Iterator[dict[str, Any]]:
    for text in places:
        session, seq = place_of(reader, text)
        rows = sorted(reader.session(session)["requests"], key=lambda row: int(row["seq"]))
        yield from reader.each(session, [row for row in rows if seq in (None, int(row["seq"]))])


def _answer(reader: Reader, session: str, seq: int) -> RecordedAnswer:
    """Read a response again: the streams of a session may together exceed the memory."""
    answer = answer_of(reader.record(session, seq))
    assert answer is not None  # noqa: S101 - only calls that have one are served
    return answer


def _serve(args: argparse.Namespace, calls: list[MockedCall], lacking: list[str], out: TextIO) -> None:
    from twisted.internet import reactor

    from ccsproxy.proxy.forward.leaves import LeafContexts
    from ccsproxy.replay.mock.connection import MockConnectionFactory
    from ccsproxy.replay.mock.site import MockResource, MockSite
    from ccsproxy.runtime.sockets.listening import listen, loopback, url_of
    from ccsproxy.tools.service.foreground import log_warnings

    log_warnings()
    served: list[Served] = []
    report = _json_report(out) if args.json else _text_report(out)

    def report_served(each: Served) -> None:
        served.append(each)
        report({"request": each})

    known = Interception.parse(())
    authority = AuthorityStore(data_dir_of(args) / "ca", known.names)
    answering = Answering(calls, args.match, args.speed, frozenset(UPSTREAMS), report_served)
    site, leaves = MockSite(MockResource(reactor, answering), reactor), LeafContexts(authority, reactor)
    connections = MockConnectionFactory(answering, site, leaves, known, reactor)
    port = listen(reactor, loopback(args.port), connections, "--port")
    report(
        {"url": url_of(port), "calls": len(calls), "lacking": lacking, "session": calls[0].name.rpartition("/")[0]}
    )
    reactor.run()
    answered = sum(bool(each.call) for each in served)
    report({"answered": answered, "refused": len(served) - answered, "left": answering.left})


Report = Callable[[dict[str, Any]], None]


def _json_report(out: TextIO) -> Report:
    def report(what: dict[str, Any]) -> None:
        import attr

        request = what.get("request")
        write_json(out, attr.asdict(request) if request is not None else what)
        out.flush()

    return report


def _text_report(out: TextIO) -> Report:
    def report(what: dict[str, Any]) -> None:
        out.writelines(line + "\n" for line in _lines(what))
        out.flush()

    return report


def _lines(what: dict[str, Any]) -> Iterator[str]:
    if "url" in what:
        answering = "call answers" if what["calls"] == 1 else "calls answer"
        yield f"{what['calls']} recorded {answering} at {what['url']} (this machine only; Ctrl-C ends it)"
        if what["lacking"]:
            number = plural(len(what["lacking"]), "call")
            yield f"{number} cannot be replayed: {', '.join(map(_short, what['lacking'][:5]))}"
        session = short(what["session"])
        yield f"use it as a base URL, or start an agent against it: ccsproxy --replay-into {session} AGENT"
    elif "request" in what:
        each: Served = what["request"]
        by = f"{_short(each.call)} ({each.how})" if each.call else "no recorded call"
        yield f"  {each.status}  {each.method} {each.target[:80]}  {by}"
    else:
        left = f", {len(what['left'])} recorded calls were never requested" if what["left"] else ""
        yield f"{what['answered']} requests were answered, {what['refused']} were refused{left}"


def _short(name: str) -> str:
    session, _, seq = name.rpartition("/")
    return f"{short(session)}/{seq}"
