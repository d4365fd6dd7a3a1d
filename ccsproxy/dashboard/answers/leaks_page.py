"""The leaks page: which kinds of secrets requests sent to whom, since when, and how often."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.facts import table
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.insight.words import plural
from ccsproxy.store.reader.reader import Reader

_HEADS = ("Kind", "Sent to", "Secrets", "Calls", "Sessions", "First", "Last", "Where")
_NUMBERS = ("Secrets", "Calls", "Sessions")


def leaks_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page of the leaks."""
    found = service.insights.leaks()
    said = (
        "Secrets that agents have sent to providers within prompts, mostly by reading a file. Here they are "
        "replaced; the provider has seen them. Change those that matter."
    )
    body = [
        h.div(h.h1("Leaks"), class_="head"),
        h.p(said, class_="note") if found else h.p("No secret was seen in a prompt.", class_="nothing"),
        table(
            "Secrets that were sent",
            _HEADS,
            [_row(leak) for leak in found],
            _NUMBERS,
            stacked=True,
            data_testid="leaks",
        )
        if found
        else None,
    ]
    return Page(
        "Leaks", [part for part in body if part is not None], "leaks", "leaks", back="/", styles=["sessions.css"]
    )


def _row(leak: Mapping[str, Any]) -> Any:
    where = ", ".join(f"{place['where']} of {plural(place['calls'], 'call')}" for place in leak["places"][:4])
    return h.tr(
        h.th(str(leak["kind"]), scope="row"),
        h.td(str(leak["upstream"])),
        *(h.td(f"{leak[name]:,}", class_="num") for name in ("secrets", "calls", "sessions")),
        *(h.td(_call(leak[name]), class_="moment") for name in ("first", "last")),
        h.td(where),
    )


def _call(place: Mapping[str, Any]) -> Any:
    return h.a(
        moment_of(str(place["at"])), href=address.exchange(str(place["session_id"]), int(place["seq"]), "request")
    )
