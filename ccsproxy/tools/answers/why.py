"""``ccsproxy why``: explains the cost, cache use and time of a call or a session."""

import argparse
from collections.abc import Iterator
from typing import Any, TextIO

from ccsproxy.dashboard import address
from ccsproxy.insight import words
from ccsproxy.insight.cache.meanings import meaning
from ccsproxy.providers.amounts import total
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept
from ccsproxy.tools.answers.answering import examples, kept, open_insights, page_url, place_of
from ccsproxy.tools.columns import cells, fit, wrapped
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint, local_time, printable, short

NAME = "why"
SUMMARY = "Explain what a request or a session cost: price, cache, time, findings."

#: How many parts of a prompt are named.
_PARTS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("place", metavar="SESSION[/SEQ]", help="as 'ccsproxy ls' shows it, or last")
    add_data_dir(parser)
    add_source(parser)
    examples(
        parser,
        "ccsproxy why 8231d7cf/27      why this request cost what it cost",
        "ccsproxy why last             the newest session: findings, turns, totals",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the answer in ten lines, or as JSON."""
    reader, insights = open_insights(args)
    session, seq = place_of(reader, args.place)
    try:
        lines = _session(args, insights, session, out) if seq is None else _call(args, insights, session, seq, out)
    except NotKept as error:
        raise kept(error) from None
    for label, text in lines:
        paint = Paint(out)
        room = max(cells(label), 6)
        out.write(f"{paint(fit(label, room), 'bold')} {wrapped(printable(text), paint.width, room + 1)}\n")
    return 0


Lines = Iterator[tuple[str, str]]


def _call(args: argparse.Namespace, insights: Insights, session: str, seq: int, out: TextIO) -> Lines:
    found = insights.why(session, seq)
    if args.json:
        write_json(out, found)
        return iter(())
    # Only for model calls: other calls have no prompt.
    context = insights.context(session, seq) if found["cache"] is not None else None
    return _call_lines(args, found, context, session, seq)


def _call_lines(args: argparse.Namespace, found: Any, context: Any, session: str, seq: int) -> Lines:
    cost, cache = found["cost"], found["cache"]
    yield total(cost["total"], cost["at_least"]), _headline(cost, found)
    if found["prompt"]:
        yield "about", found["prompt"][:100]
    if found["outcome"] != "complete":
        yield "ended", " ".join(str(x) for x in (found["outcome"], found["status"], found["error"]) if x)
    if cost["total"] is not None:
        yield "cost", _split(cost)
    elif cost["gap"] and (found["status"] or 0) < 300:
        yield "cost", f"not known: {cost['gap']}"
    if cache is not None:
        yield "cache", _cache(cache)
        if cache["lost_tokens"]:
            sure = "" if cache["certain"] else " (likely)"
            yield "lost", f"{words.tokens(cache['lost_tokens'])} tokens, {words.dollars(cache['lost_cost'])}{sure}"
    if context is not None and context["kinds"]:
        yield "made", _made(context)
    yield "time", _time(found)
    for finding in found["findings"][:3]:
        yield "!", finding["text"]
    yield "see", _see(args, session, seq, cache)


def _headline(cost: Any, found: Any) -> str:
    turn = f"turn {cost['turn']}, step {cost['step']}, " if cost["turn"] else f"{found['role']} call, "
    agent = f"sub-agent {found['agent'][:12]}, " if found["agent"] else ""
    tokens = cost["tokens"]
    known = [tokens[part] for part in ("input", "read", "written") if tokens[part] is not None]
    bound = "≥ " if known and tokens["input"] is None else ""
    cached = f"{words.tokens(tokens['read'])} read, {words.tokens(tokens['written'])} written"
    sent = f"{bound}{words.tokens(sum(known) if known else None)} sent ({cached})"
    return f"{turn}{agent}{cost['model'] or 'unknown model'}: {sent}, {words.tokens(tokens['output'])} out"


def _split(cost: Any) -> str:
    shares = [(name, cost[name]) for name in ("write", "read", "input", "output", "other") if cost[name]]
    phrases = ", ".join(f"{name} {words.dollars(value)}" for name, value in sorted(shares, key=lambda each: -each[1]))
    if cost["at_least"]:
        phrases += "; the output was not counted, because the call was interrupted"
    share = cost["share_of_session"]
    return f"{phrases}; {share:.0%} of the session's {_sum(cost['session'])}" if share is not None else phrases


def _sum(sums: Any) -> str:
    return total(sums["cost"], sums["unpriced"])


def _cache(cache: Any) -> str:
    if cache["verdict"] == "hit":
        return f"hit: {words.tokens(cache['read_tokens'])} read"
    if cache["part"]:
        phrases = [f"the {cache['part']} changed at {cache['place']}: {cache['first_difference']}"]
    else:
        name, why = meaning(cache)
        phrases = [f"{name.lower()}: {why}" if why else name.lower()]
    if cache["gap_s"] is not None and "expired" in (cache["verdict"], *cache["causes"]):
        phrases.append(f"{words.seconds(cache['gap_s'])} since the call before")
    if cache["expected_tokens"]:
        phrases.append(
            f"{words.tokens(cache['read_tokens'])} read of {words.tokens(cache['expected_tokens'])} expected"
        )
    return "; ".join(phrases)


def _made(context: Any) -> str:
    parts = [f"{_named(part)} {words.tokens(part['tokens'])}" for part in context["kinds"][:_PARTS]]
    servers = [f"{part['server']} {words.tokens(part['tokens'])}" for part in context["servers"][:3]]
    return ", ".join(parts) + (f" (MCP: {', '.join(servers)})" if servers else "")


def _named(part: Any) -> str:
    return {"tool": "tools", "tool_result": "results", "tool_call": "tool calls", "answer": "answers",
            "image": "images", "user": "your messages"}.get(part["kind"], part["kind"])  # fmt: skip


def _time(found: Any) -> str:
    times = found["times"]
    if times["backoff"]:
        return f"{words.seconds(times['backoff'])} lost"
    stalls = found["stalls"]
    stalled = f"{len(stalls)} stalls, {words.seconds(times['stalled'])}" if stalls else "no stall"
    parts = f"wait {words.seconds(times['waiting'])}, stream {words.seconds(times['streaming'])}"
    return f"{words.seconds(times['model'])}: {parts}; {stalled}; proxy {times['proxy'] * 1000:.0f} ms"


def _see(args: argparse.Namespace, session: str, seq: int, cache: Any) -> str:
    url = page_url(args, address.exchange(session, seq))
    before = cache and cache["previous"]
    diff = f"ccsproxy diff {short(session)}/{before} {short(session)}/{seq}" if before else ""
    return "   ".join(each for each in (url, diff, f"ccsproxy show {short(session)}/{seq}") if each)


def _session(args: argparse.Namespace, insights: Insights, session: str, out: TextIO) -> Lines:
    found, findings = insights.conversation(session), insights.findings(session)
    if args.json:
        write_json(out, {"findings": findings, "totals": found["totals"], "turns": found["turns"]})
        return iter(())
    return _session_lines(args, found, findings, session)


def _session_lines(args: argparse.Namespace, found: Any, findings: Any, session: str) -> Lines:
    totals, turns = found["totals"], found["turns"]
    sent, cached = totals["input_tokens"], totals["cached_tokens"]
    share = f", {cached / sent:.0%} cached" if sent and cached is not None else ""
    summary = words.counted_calls(totals) + (f" in {words.plural(len(turns), 'turn')}" if turns else "")
    counted = f", {words.tokens(sent)} sent{share}, {words.tokens(totals['output_tokens'])} out"
    yield _sum(totals), summary + (counted if totals["calls"] else "")
    times = totals["times"]
    spent = [f"{name} {words.seconds(times[name])}" for name in ("model", "tools", "user", "backoff") if times[name]]
    if spent:
        yield "time", f"{words.seconds(times['total'])}: {', '.join(spent)}"
    for finding in findings[:8]:
        yield "!", finding["text"]
    for turn in sorted(turns, key=lambda each: -(each["cost"] or 0.0))[:5]:
        steps = words.plural(len(turn["steps"]), "step")
        first = turn["steps"][0]["seq"]
        prompt = (turn["prompt"] or "")[:60]
        yield _sum(turn), f"turn {turn['number']}, {local_time(turn['started_at'])}, {steps} from /{first}: {prompt}"
    url = page_url(args, address.session(session))
    if url:
        yield "see", url
