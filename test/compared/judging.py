"""Whether the records of a run say what the mock knows of it."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.reader import Reader
from test.compared.programs import PROMPT, Program
from test.compared.turn import TEXT, TITLE

#: Seconds in which the last records of a run have to be there.
_WITHIN = 10.0
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_tokens",
)


def read_records(data_dir: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the records of a run, and the titles of its sessions."""
    reader = Reader(data_dir)
    try:
        rows = reader.requests(parse_query({"limit": "500"})).items
        records = [reader.record(row["session_id"], row["seq"]) for row in rows]
        titles = {sid: reader.session(sid)["meta"].get("title") for sid in {row["session_id"] for row in rows}}
        return records[::-1], titles
    finally:
        reader.close()


def judge(
    program: Program, version: str, project: str, seen: Iterable[Mapping[str, Any]], data_dir: Path
) -> Iterator[str]:
    """Yield a sentence for everything that is wrong in the records of a run.

    :param seen: what the mock saw of it, with what it told.
    """
    calls = [each for each in seen if each["told"]]
    by_id, titles = _settled(data_dir, {call["told"]["id"] for call in calls})
    if not calls:
        yield "the program made no model call"
    for call in calls:
        record = by_id.get(call["told"]["id"])
        if record is None:
            yield f"no record of the answer to {call['method']} {call['host']}{call['target']}"
            continue
        yield from _wrong_in(record, call["told"], program, version, project)
        if record["session_id"] not in json.dumps([call["headers"], call["body"]]) and _names_session(call):
            yield f"session {record['session_id']} is not the one that the request names"
    sessions = {by_id[call["told"]["id"]]["session_id"] for call in calls if call["told"]["id"] in by_id}
    if len(sessions) > 1 and program.launcher != "run":
        yield f"one run is in {len(sessions)} sessions"
    for session in sessions:
        if titles.get(session) not in (PROMPT, TITLE, TEXT):
            yield f"title is {titles.get(session)!r}"


def _settled(data_dir: Path, wanted: set[str]) -> tuple[dict[Any, dict[str, Any]], dict[str, str]]:
    """Return records by the id of their answer, and titles, when all that are wanted are there, or after a while."""
    deadline = time.monotonic() + _WITHIN
    while True:
        records, titles = read_records(data_dir)
        by_id = {_answer_id(record): record for record in records}
        if wanted <= by_id.keys() or time.monotonic() > deadline:
            return by_id, titles
        time.sleep(0.2)


def _answer_id(record: Mapping[str, Any]) -> Any:
    body = (record.get("response") or {}).get("body_reassembled")
    body = body if isinstance(body, Mapping) else {}
    inner = body.get("response") if isinstance(body.get("response"), Mapping) else body
    assert isinstance(inner, Mapping)
    return inner.get("id") or inner.get("responseId")


def _names_session(call: Mapping[str, Any]) -> bool:
    names = {name.lower() for name, _ in call["headers"]}
    return bool(names & {"x-claude-code-session-id", "session-id", "session_id", "x-session-id"})


def _wrong_in(
    record: Mapping[str, Any], told: Mapping[str, Any], program: Program, version: str, project: str
) -> Iterator[str]:
    client = record["client"]
    wanted = [
        ("outcome", record["outcome"], "complete"),
        ("model", record["model"], told.get("model", record["model"])),
        ("client", client["name"], program.client),
        ("version", client["version"], version if program.versioned else client["version"]),
        ("faults", record["capture"]["faults"], []),
    ]
    if program.says_cwd and _is_main(record):
        wanted.append(("cwd", client["cwd"], project))
    usage = record["usage"] or {}
    if told["usage"]:
        wanted += [(name, usage.get(name), told["usage"].get(name, usage.get(name))) for name in _COUNTS]
    else:
        wanted.append(("usage", record["usage"], None))
    for name, got, right in wanted:
        if got != right:
            yield f"{name} is {got!r}, not {right!r}"


def _is_main(record: Mapping[str, Any]) -> bool:
    """Tell whether a call is the agent's own, not one for a title or a route: those say no directory."""
    body = record["request"]["body"]
    return isinstance(body, Mapping) and bool(body.get("tools") or (body.get("request") or {}).get("tools"))
