"""The frame of every page: head, navigation, notices, and the help for the keyboard."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.assets import Assets
from ccsproxy.dashboard.html.figures import exact
from ccsproxy.dashboard.html.markup import element, h, write
from ccsproxy.dashboard.notices import notices

PLACES = (
    ("requests", "/", "Requests"),
    ("sessions", "/sessions", "Sessions"),
    ("overview", "/overview", "Overview"),
    ("prompts", "/prompts", "Prompts"),
    ("leaks", "/leaks", "Leaks"),
    ("health", "/health", "Health"),
)
KEYS = (
    (("j", "k"), "next, previous row or block"),
    (("Enter",), "open it"),
    (("/",), "search"),
    (("[", "]"), "previous, next request of the session"),
    (("p",), "what this turn changed against the one before"),
    (("1", "2", "3", "4", "5"), "the tabs of an exchange"),
    (("g r", "g s", "g o"), "go to requests, sessions, overview"),
    (("t",), "change the theme"),
    (("?",), "this help"),
    (("Esc",), "close, or go back to the list"),
)


@attr.frozen
class Page:
    """What a page says; the frame is the same for all.

    :ivar place: which part of the navigation it belongs to.
    :ivar body: what stands in the main part.
    :ivar name: names it for scripts and style.
    :ivar scripts: the modules it needs beside the common one.
    :ivar styles: the style sheets it needs beside the common one.
    :ivar back: where Esc leads.
    :ivar links: further addresses for keys, by the key's name.
    """

    title: str
    body: Sequence[Any]
    name: str
    place: str = ""
    scripts: Sequence[str] = ()
    back: str = ""
    links: Mapping[str, str] = attr.field(factory=dict)
    status: int = 200
    styles: Sequence[str] = ()


def write_page(page: Page, assets: Assets, health: Mapping[str, Any]) -> bytes:
    """Write a page as HTML."""
    whole = h.html(_head(page, assets), _body(page, health), lang="en")
    return b"<!DOCTYPE html>\n" + write(whole)


def _head(page: Page, assets: Assets) -> Any:
    return h.head(
        h.meta(charset="utf-8"),
        h.meta(name="viewport", content="width=device-width, initial-scale=1"),
        h.meta(name="color-scheme", content="light dark"),
        h.title(f"{page.title} · ccsproxy"),
        h.link(rel="icon", type="image/svg+xml", href=assets.address("icon.svg")),
        # Before the style sheet and not deferred, so that the chosen theme is the first that is painted.
        h.script(src=assets.address("theme.js")),
        h.link(rel="stylesheet", href=assets.address("dashboard.css")),
        [h.link(rel="stylesheet", href=assets.address(name)) for name in page.styles],
        h.script(src=assets.address("common.js"), type="module"),
        [h.script(src=assets.address(name), type="module") for name in page.scripts],
    )


def _body(page: Page, health: Mapping[str, Any]) -> Any:
    links = {f"data-{name}": address for name, address in page.links.items()}
    return h.body(
        h.a("Skip to content", href="#main", class_="skip"),
        _bar(page, health),
        _notices(health),
        h.main(*page.body, id="main", tabindex="-1"),
        _help(),
        data_page=page.name,
        data_back=page.back or None,
        **links,
    )


def _bar(page: Page, health: Mapping[str, Any]) -> Any:
    return h.header(
        h.a("ccsproxy", href="/", class_="brand"),
        h.nav(
            h.ul(
                h.li(h.a(title, href=address, aria_current="page" if place == page.place else None))
                for place, address, title in PLACES
            ),
            aria_label="Main",
        ),
        _pulse(health),
        h.button("Theme", id="theme", type="button", class_="plain", hidden=True, data_testid="theme"),
        h.button("?", id="help-button", type="button", class_="plain", aria_label="Keyboard help", hidden=True),
        class_="bar",
    )


def _pulse(health: Mapping[str, Any]) -> Any:
    """Show how many calls are under way; the script keeps it up."""
    return h.p(
        h.span(exact(health.get("in_flight")), id="in-flight", class_="figure"),
        " in flight",
        h.span("", id="live", class_="live", hidden=True),
        class_="pulse",
    )


def _notices(health: Mapping[str, Any]) -> Any:
    said = notices(health)
    return h.ul(
        *(h.li(sentence) for sentence in said),
        id="notices",
        class_="notices",
        role="status",
        aria_label="Notices",
        hidden=not said,
        data_testid="notices",
    )


def _help() -> Any:
    rows = [h.tr(h.th([[h.kbd(key), " "] for key in keys], scope="row"), h.td(what)) for keys, what in KEYS]
    return element(
        "dialog",
        h.h2("Keyboard", id="help-title"),
        h.table(h.tbody(rows)),
        h.form(h.button("Close", class_="plain"), method="dialog"),
        id="help",
        aria_labelledby="help-title",
        data_testid="help",
    )
