"""The prompts page: the distinct system prompts and tool sets, who sends them since when, and their changes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import facts, panel, table
from ccsproxy.dashboard.html.figures import clipped
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.insight.prompt.parts import server_of
from ccsproxy.insight.words import tokens
from ccsproxy.store.reader.reader import Reader

_NUMBERS = ("Tokens", "Calls", "Sessions", "Sent in all")
_HEADS = ("Used by", "Kind", "Begins with", "Against the one before", *_NUMBERS, "First", "Last")
#: Tools that are named, and servers that are counted, of a set.
_TOOLS = 4
#: Characters of a prompt or a change that the page shows; the record has all of it.
_MOST = 60_000
#: Rows of the list.
ROWS = 300


def prompts_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the list of all versions."""
    found = service.insights.prompts()[:ROWS]
    known = {each["id"]: each for each in found}
    rows = [_row(each, known.get(each["previous"] or "")) for each in found]
    body = [
        h.div(h.h1("Prompts"), h.p("System prompts and tool sets, those used last first."), class_="head"),
        table("System prompts and tool sets", _HEADS, rows, _NUMBERS, stacked=True, data_testid="prompts")
        if found
        else h.p("No system prompt or tool set has been seen.", class_="nothing"),
    ]
    return Page("Prompts", body, "prompts", "prompts", back="/", styles=["sessions.css"])


def prompt_page(name: str, service: Service) -> Page:
    """Build the page of one version, with its changes against the previous one.

    :raises NotKept: if there is no version with this id.
    """
    found = service.insights.prompt(name)
    kind = "Tool set" if found["kind"] == "tools" else "System prompt"
    before = found["previous"]
    told = facts(
        (
            ("Used by", ", ".join(found["clients"])),
            ("Tokens", f"~{tokens(found['tokens'])}"),
            ("Calls", f"{found['calls']:,} in {found['sessions']:,} sessions"),
            ("Sent in all", _sent(found)),
            ("First seen", _call(found["first"], found["first_seen"])),
            ("Last seen", _call(found["last"], found["last_seen"])),
            ("The one before", h.a(before, href=_address(before)) if before else None),
        )
    )
    body = [
        h.nav(h.a("All prompts", href="/prompts"), class_="crumbs", aria_label="Around this prompt"),
        h.header(h.h1(kind), told, class_="session-head"),
        _changes(found["changes"]),
        panel("Content", [h.pre(_text(item)[:_MOST], class_="content") for item in found["content"][:200]]),
    ]
    parts = [part for part in body if part is not None]
    return Page(f"{kind} {name}", parts, "prompt", "prompts", back="/prompts", styles=["sessions.css"])


def _row(each: Mapping[str, Any], before: Mapping[str, Any] | None) -> Any:
    begins = _tool_set(each["tools"]) if each["tools"] else clipped(str(each["text"] or ""), 110)
    kind = "tools" if each["kind"] == "tools" else "system prompt"
    return h.tr(
        h.td(", ".join(each["clients"][:3]), class_="nowrap"),
        h.th(h.a(kind, href=_address(each["id"])), scope="row", class_="nowrap"),
        h.td(begins),
        h.td(_against(each, before), class_="wide-text"),
        h.td(f"~{tokens(each['tokens'])}", class_="num"),
        h.td(f"{each['calls']:,}", class_="num"),
        h.td(f"{each['sessions']:,}", class_="num"),
        h.td(_sent(each), class_="num"),
        h.td(_call(each["first"], each["first_seen"]), class_="moment"),
        h.td(_call(each["last"], each["last_seen"]), class_="moment"),
    )


def _sent(each: Mapping[str, Any]) -> str:
    """Format the cost of sending it; both figures are estimates."""
    cost = "" if each["cost"] is None else figures.dollars(each["cost"])
    # "Less than" says already that it is not exact.
    content = f", {cost}" if cost.startswith("<") else f", ~{cost}" if cost else ""
    return f"~{tokens(each['tokens_sent'])}{content}"


def _tool_set(names: Sequence[str]) -> str:
    """Name the first tools of a set, and count those of each MCP server."""
    own = [name for name in names if not server_of(name)]
    servers = Counter(server_of(name) for name in names if server_of(name))
    content = own[:_TOOLS] + ([f"{len(own) - _TOOLS} more"] if len(own) > _TOOLS else [])
    return ", ".join(content + [f"{count} of {name}" for name, count in servers.most_common(_TOOLS)])


def _against(each: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """Show the changes of a version against the one that it replaced."""
    if before is None:
        return "the first"
    if each["kind"] == "tools":
        came, went = ([name for name in one if name not in other] for one, other in _sides(each, before))
        counts = [f"+{len(came)}" if came else "", f"−{len(went)}" if went else ""]
        if not came and not went:
            return "edited"
        noun = "tool" if len(came + went) == 1 else "tools"
        return f"{' '.join(filter(None, counts))} {noun}: {clipped(', '.join(came + went), 60)}"
    grown = each["bytes"] - before["bytes"]
    return f"{grown:+,} characters".replace("-", "−") if grown else "edited"


def _sides(each: Mapping[str, Any], before: Mapping[str, Any]) -> list[tuple[Sequence[str], Sequence[str]]]:
    now, was = each["tools"] or (), before["tools"] or ()
    return [(now, was), (was, now)]


def _address(name: str) -> str:
    return f"/prompts/{quote(name, safe='')}"


def _call(place: Mapping[str, Any], at: str) -> Any:
    return h.a(moment_of(at), href=address.exchange(str(place["session_id"]), int(place["seq"]), "request"))


def _changes(changes: Any) -> Any:
    if not changes:
        return None
    rows = [
        [h.dt(h.code(str(change["place"])), f" {change['kind']} {change['name'] or ''}"), h.dd(_lines(change))]
        for change in changes[:60]
    ]
    return panel("What changed against the one before", h.dl(rows, class_="changes"), data_testid="changes")


def _lines(change: Mapping[str, Any]) -> Any:
    lines = change.get("lines")
    if not lines:
        return None
    return h.pre([[_line(line), "\n"] for line in lines[:400]], class_="diff-lines")


def _line(line: Any) -> Any:
    text = str(line.get("text") if isinstance(line, Mapping) else line)
    mark = text[:1]
    return h.ins(text) if mark == "+" else h.del_(text) if mark == "-" else text


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        content = item.get("text")
        if isinstance(content, str):
            return content
        return "\n".join(str(item[name]) for name in ("name", "description") if item.get(name)) or str(dict(item))
    return str(item)
