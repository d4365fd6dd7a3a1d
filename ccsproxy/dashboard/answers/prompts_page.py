"""Prompts: the distinct system prompts and tool sets, since when, by which agent's version, and what changed."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.facts import facts, panel
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.insight.words import tokens
from ccsproxy.store.reader.reader import Reader

_HEADS = ("Kind", "Begins with", "Tokens", "Calls", "Sessions", "Used by", "First seen", "Last seen")
#: Characters of a prompt or a change that the page shows; the record has all of it.
_MOST = 60_000
#: Rows of the list.
ROWS = 300


def prompts_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the list of all versions."""
    found = service.insights.prompts()[:ROWS]
    head = h.thead(h.tr([h.th(name, scope="col") for name in _HEADS]))
    body = [
        h.div(h.h1("Prompts"), class_="head"),
        h.div(h.table(head, h.tbody([_row(each) for each in found])), class_="scroll", data_testid="prompts")
        if found
        else h.p("No system prompt or tool set has been seen.", class_="note"),
    ]
    return Page("Prompts", body, "prompts", "prompts", back="/", styles=["sessions.css"])


def prompt_page(name: str, service: Service) -> Page:
    """Make the page of one version, with what it changed against the one before.

    :raises NotKept: when there is none of this id.
    """
    found = service.insights.prompt(name)
    kind = "Tool set" if found["kind"] == "tools" else "System prompt"
    before = found["previous"]
    told = facts(
        (
            ("Used by", ", ".join(found["clients"])),
            ("Tokens", f"~{tokens(found['tokens'])}"),
            ("Calls", f"{found['calls']:,} in {found['sessions']:,} sessions"),
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


def _row(each: Mapping[str, Any]) -> Any:
    begins = ", ".join(each["tools"][:6]) if each["tools"] else str(each["text"] or "")
    return h.tr(
        h.th(h.a("tools" if each["kind"] == "tools" else "system", href=_address(each["id"])), scope="row"),
        h.td(begins[:140]),
        h.td(f"~{tokens(each['tokens'])}", class_="figure"),
        h.td(f"{each['calls']:,}", class_="figure"),
        h.td(f"{each['sessions']:,}", class_="figure"),
        h.td(", ".join(each["clients"][:3])),
        h.td(_call(each["first"], each["first_seen"])),
        h.td(_call(each["last"], each["last_seen"])),
    )


def _address(name: str) -> str:
    return f"/prompts/{quote(name, safe='')}"


def _call(place: Mapping[str, Any], at: str) -> Any:
    return h.a(moment_of(at), href=address.exchange(str(place["session_id"]), int(place["seq"]), "request"))


def _changes(changes: Any) -> Any:
    if not changes:
        return None
    rows = [
        [h.dt(h.code(str(change["place"])), f" {change.get('what') or ''}"), h.dd(_lines(change))]
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
        said = item.get("text")
        if isinstance(said, str):
            return said
        return "\n".join(str(item[name]) for name in ("name", "description") if item.get(name)) or str(dict(item))
    return str(item)
