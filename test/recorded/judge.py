"""Judges the product's reading of recorded exchanges against `test.recorded.accumulation`.

``python -m test.recorded.judge FOLDER`` prints a table: by dialect right, wrong, unknown; it fails when any is wrong.
"""

import gzip
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import attrs

from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ending import FinalOutcome, refine
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.dialects import DecodedResponse, Facts, detect
from ccsproxy.exchange.relayed import Ending, ResponseHead, Timing
from ccsproxy.providers.registry import upstream_provider
from test.recorded.accumulation import DIALECTS, Said, dialect_of, said_of
from test.recorded.recordings import Recorded, recordings

_COMPLETE = Ending("complete", "", "", 0, Timing())
_SOME = 3


@attrs.frozen
class Read:
    """What the product made of an exchange."""

    dialect: str
    category: str
    answer: DecodedResponse
    how: FinalOutcome


def read(one: Recorded) -> Read:
    """Read an exchange as the recorder does: in random pieces, every third one compressed."""
    dice = random.Random(len(one.body) * 31 + one.status)
    packed = dice.random() < 0.35 and bool(one.body)
    body = gzip.compress(one.body) if packed else one.body
    fields = {**one.headers, "content-encoding": "gzip" if packed else "identity"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if "\n" not in value)
    response = ResponseInMaking(
        ResponseHead(one.status, b"OK", "1.1", lines.encode()), 32 << 20, MemoryBudget(1 << 30)
    )
    kind = one.headers.get("content-type", "").partition(";")[0].strip().lower()
    facts = Facts(
        provider=upstream_provider(one.url.split("/")[2].partition(":")[0]),
        method=one.method.encode(),
        target=one.target.encode(),
        request_body=one.request,
        status=one.status,
        content_type=kind,
        field=response.lines.field,
    )
    dialect = detect(facts)
    response.read_with(dialect.reader(facts))
    at = 0
    while at < len(body):
        size = dice.choice((1, 7, 100, 1400, 65536))
        response.feed(body[at : at + size], at)
        at += size
    answer = response.finish(True, at)
    assert answer is not None
    how = refine(_COMPLETE, one.status, answer, dialect.category, response.body.unread, broken=response.body.broken)
    return Read(answer.dialect, dialect.category, answer, how)


def difference(one: Recorded) -> tuple[str, str, str]:
    """Return what kind of exchange it is, the verdict on the product's reading, and what is wrong with it."""
    kind = dialect_of(one)
    found = read(one)
    if one.status >= 400 or not kind:
        wrong = _wrong_of_other(one, found)
        return kind or "other", "wrong" if wrong else "right", wrong
    if one.intended is not None:
        verdict, why = _compare(kind, DIALECTS[kind][0](one.intended), found)
        if verdict == "wrong":
            return kind, verdict, f"not what was intended: {why}"
    try:
        said = said_of(kind, one)
    except (KeyError, ValueError, TypeError, AttributeError):
        said = DIALECTS[kind][0](one.intended) if one.intended is not None else None
    if said is None:
        wrong = _wrong_of_other(one, found)
        return kind, "wrong" if wrong else "unknown", wrong
    return kind, *_compare(kind, said, found)


def _wrong_of_other(one: Recorded, found: Read) -> str:
    """Say what is wrong with the reading of a call that is no model's, or that failed."""
    if one.status >= 400:
        return "" if found.how.outcome == "http_error" else f"outcome {found.how.outcome}"
    if found.how.outcome == "upstream_truncated":
        return "called truncated"
    damage = set(found.answer.faults) & {"invalid_event_json", "dialect_mismatch"}
    if "invalid_json" in found.answer.faults and _is_json(one.body):
        damage.add("invalid_json")
    return f"faults {damage}" if damage else ""


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _compare(kind: str, said: Said, found: Read) -> tuple[str, str]:
    usage, body = found.answer.usage, found.answer.body
    ours = Said()
    try:
        ours = DIALECTS[kind][0](body)
    except (KeyError, TypeError, AttributeError):
        return "wrong", f"the body has another shape: {str(body)[:200]}"
    for name in ("text", "calls"):
        if getattr(ours, name) != getattr(said, name):
            return "wrong", f"{name}: {str(getattr(ours, name))[:300]} for {str(getattr(said, name))[:300]}"
    if found.dialect != kind:
        return "wrong", f"dialect {found.dialect}"
    if said.ended and found.how.outcome != "complete" and found.answer.error is None:
        return "wrong", f"outcome {found.how.outcome}: {found.how.error}"
    return _compare_counts(said, usage)


def _compare_counts(said: Said, usage: Any) -> tuple[str, str]:
    told = (said.input, said.output) if said.ended else (None, None)
    if usage is None:
        return ("right", "") if told == (None, None) else ("unknown", f"no usage for {told}")
    parts = (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens)
    ours = None if usage.input_tokens is None else sum(part or 0 for part in parts), usage.output_tokens
    for mine, theirs, name in zip(ours, told, ("input", "output"), strict=True):
        if mine is not None and theirs is not None and mine != theirs:
            return "wrong", f"{name} {mine} for {theirs}: {usage.raw}"
        if mine is None and theirs is not None:
            return "unknown", f"{name} unknown for {theirs}: {usage.raw}"
    return "right", ""


def main(arguments: list[str]) -> int:
    """Judge every exchange below the folders, each distinct one once."""
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    examples: dict[tuple[str, str], list[str]] = defaultdict(list)
    seen: set[int] = set()
    for folder in arguments:
        for one in recordings(Path(folder)):
            key = hash((one.method, one.url, one.asked, one.body))
            if key in seen:
                continue
            seen.add(key)
            kind, verdict, why = difference(one)
            verdicts[kind][verdict] += 1
            if why:
                examples[kind, verdict].append(f"{one.place} {one.url[:90]}: {why}")
    print(f"{'dialect':20}{'tried':>8}{'right':>8}{'wrong':>8}{'unknown':>8}")
    for kind, counts in sorted(verdicts.items()):
        tried = counts.total()
        print(f"{kind:20}{tried:8}{counts['right']:8}{counts['wrong']:8}{counts['unknown']:8}")
    for (kind, verdict), found in sorted(examples.items()):
        print(f"\n{kind}, {verdict}: {len(found)}")
        print("\n".join(f"  {each[:700]}" for each in (found if verdict == "wrong" else found[:_SOME])))
    return 1 if any(counts["wrong"] for counts in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
