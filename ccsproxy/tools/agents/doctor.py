"""``ccsproxy doctor``: reports what would disturb an agent, what a base URL would change, and the remedies."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import attr

from ccsproxy.errors import DataDirError
from ccsproxy.launch.agent import Agent, Surroundings
from ccsproxy.launch.background import Background
from ccsproxy.launch.diagnosis import (
    NOTE,
    OK,
    TROUBLE,
    Diagnosis,
    examine_agent,
    examine_last_session,
    examine_machine,
    examine_ports,
    examine_service,
    examine_shell,
)
from ccsproxy.launch.health import read_health
from ccsproxy.launch.measuring.measure import PROMPT, Measurement, measure
from ccsproxy.launch.registry import AGENTS, BY_NAME
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.tools.data_dir import WrongUsage, add_data_dir, check_readable, reported, write_json

NAME = "doctor"
SUMMARY = (
    "Report what would disturb an agent or change its behaviour, with remedies. Exit status 1 if there is anything."
)
#: How many differences are listed in text output.
_MOST = 20
_MARKS = {OK: "ok  ", NOTE: "note", TROUBLE: "!!  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("agent", nargs="?", help="an agent; default: all that are installed")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="start the agent with a harmless prompt against a mock here, by forwarding and by a base URL, "
        "and report how its requests differ; nothing reaches a provider",
    )
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run all checks, and report the results."""
    surroundings = Surroundings(Path.home(), Path.cwd(), dict(os.environ))
    if args.measure:
        return _measure(args.agent, surroundings, out, as_json=args.json)
    data_dir = Path(args.data_dir).expanduser().absolute()
    check_readable(data_dir)
    found = Background(data_dir).running() if data_dir.is_dir() else None
    findings = [
        *(finding for agent in _chosen(args.agent, surroundings) for finding in examine_agent(agent, surroundings)),
        *examine_shell(surroundings),
        *examine_machine(data_dir),
        # A running service holds them itself.
        *(examine_ports(Background(data_dir).taken_ports()) if found is None and data_dir.is_dir() else ()),
        *(_last_session(data_dir) if (data_dir / "segments").is_dir() else ()),
        *examine_service(found, read_health(found, data_dir) if found else {}),
    ]
    if args.json:
        write_json(out, [attr.asdict(finding) for finding in findings])
    else:
        out.writelines(_lines(findings))
    return 1 if any(finding.state == TROUBLE for finding in findings) else 0


def _measure(name: str | None, surroundings: Surroundings, out: TextIO, *, as_json: bool) -> int:
    """Measure what a base URL changes in an agent; exit status 1 if the measurement failed."""
    if name is None:
        raise WrongUsage("Name the agent to measure: ccsproxy doctor --measure claude")
    (agent,) = _chosen(name, surroundings)
    measured = measure(agent, surroundings)
    if as_json:
        write_json(out, attr.asdict(measured))
    else:
        out.writelines(line + "\n" for line in _measured(agent.title, measured))
    return 1 if measured.trouble else 0


def _measured(title: str, measured: Measurement) -> Iterable[str]:
    yield f"{title} {measured.version or 'of unknown version'}, asked {PROMPT!r} of a mock both ways:"
    if measured.trouble:
        yield f"  {measured.trouble} Is it logged in? Try the same prompt by hand."
        return
    forward, base = measured.sizes
    yield f"  by forwarding {measured.calls[0]} model calls, {forward} bytes"
    yield f"  by base URL {measured.calls[1]} model calls, {base} bytes"
    if not measured.differences:
        yield "  the requests are equal except for ids, hashes and times"
    for each in measured.differences[:_MOST]:
        yield f"  {each.text()}"
    if len(measured.differences) > _MOST:
        yield f"  and {len(measured.differences) - _MOST} more places; --json lists them all"


def _last_session(data_dir: Path) -> Iterable[Diagnosis]:
    """Check whether anything of the newest session was lost."""
    reader = Reader(data_dir)
    try:
        for session in reader.sessions(SessionQuery(limit=1)):
            found = Insights(reader).findings(session["session_id"])
            losses = [str(each["text"]) for each in found if each["kind"] == "loss"]
            yield from examine_last_session(str(session.get("title") or session["session_id"]), losses)
    except (DataDirError, OSError, PackedError) as reason:  # the rest of what the doctor knows matters the more
        yield Diagnosis(
            TROUBLE, "last session", f"The store could not be read: {reason}", "Run 'ccsproxy verify' for details."
        )
    except NotKept:
        pass  # removed a moment ago
    finally:
        reader.close()


def _chosen(name: str | None, surroundings: Surroundings) -> list[Agent]:
    if name is None:
        return [agent for agent in AGENTS if agent.find(surroundings.environment)]
    if name not in BY_NAME:
        raise WrongUsage(f"There is no agent {name!r}; there are {', '.join(BY_NAME)}.")
    return [BY_NAME[name]]


def _lines(findings: Iterable[Diagnosis]) -> Iterable[str]:
    for finding in findings:
        yield f"{_MARKS[finding.state]}  {finding.about:<12} {finding.text}\n"
        if finding.cure and finding.state != OK:
            yield f"{'':>18} {finding.cure}\n"
