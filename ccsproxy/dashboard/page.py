"""The frame of every page: header, query field, navigation, notices, columns, and keyboard help."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.assets import Assets
from ccsproxy.dashboard.html.figures import exact
from ccsproxy.dashboard.html.markup import element, h, write
from ccsproxy.dashboard.notices import notices

PLACES = (
    ("sessions", "/sessions", "Sessions"),
    ("requests", "/calls", "Calls"),
    ("overview", "/overview", "Overview"),
    ("prompts", "/prompts", "Prompts"),
    ("leaks", "/leaks", "Leaks"),
    ("health", "/health", "Health"),
)
KEYS = (
    (("j", "k"), "next, previous row, step or folded text; in a list it is shown at once"),
    (("Enter",), "open it in full"),
    (("o",), "open or fold it in place; show it beside the list"),
    (("/",), "search; fields and values are completed"),
    (("[", "]"), "previous, next call of the session; page of a list"),
    (("p",), "what this call changed against the one before"),
    (("1", "2", "3", "4", "5"), "the tabs of a call; on a session: costliest, slowest, largest, missed, failed"),
    (("s",), "star it, or take the star away"),
    (("g s", "g c", "g o"), "go to sessions, calls, overview; g p, g l, g h to prompts, leaks, health"),
    (("t",), "change the theme"),
    (("?",), "this help"),
    (("Esc",), "one level up: leave the field, close the selected item, the call, the session"),
)
#: How far in a page is: Esc leads from one to the nearest before it that was seen.
LIST, SESSION, CALL, COMPARISON = 1, 2, 3, 4


@attr.frozen
class Page:
    """The content of a page; the frame is the same for all.

    :ivar place: the part of the navigation to which it belongs.
    :ivar body: the content of the main part.
    :ivar name: its name for scripts and style sheets.
    :ivar scripts: the modules it needs besides the common one.
    :ivar styles: the style sheets it needs besides the common one.
    :ivar back: where Esc leads if no previous page is known.
    :ivar links: further addresses for keys, by the key's name.
    :ivar side: the content at the left, such as an outline.
    :ivar beside: the selected item, shown at the right; None if the page has no such place.
    :ivar level: its depth below the start page.
    :ivar query: the text of the query field, and the filters that it keeps.
    :ivar part: whether it is only a part of a page, which a script inserts.
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
    side: Any = None
    beside: Sequence[Any] | None = None
    level: int = LIST
    query: Mapping[str, str] = attr.field(factory=dict)
    part: bool = False


def write_page(page: Page, assets: Assets, health: Mapping[str, Any], spent: Any = None) -> bytes:
    """Write a page as HTML.

    :param spent: the figures in the header about money and limits.
    """
    if page.part:
        # With the icon, which a browser that opens a part as a page would otherwise request from /favicon.ico.
        icon = h.link(rel="icon", type="image/svg+xml", href=assets.address("icon.svg"))
        return b"<!DOCTYPE html>\n" + write(h.html(h.head(h.title(page.title), icon), h.body(*page.body), lang="en"))
    whole = h.html(_head(page, assets), _body(page, health, spent), lang="en")
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
        [h.link(rel="stylesheet", href=assets.address(name)) for name in ("dashboard.css", "workspace.css")],
        [h.link(rel="stylesheet", href=assets.address(name)) for name in page.styles],
        h.script(src=assets.address("common.js"), type="module"),
        [h.script(src=assets.address(name), type="module") for name in page.scripts],
    )


def _body(page: Page, health: Mapping[str, Any], spent: Any) -> Any:
    links = {f"data-{name}": address for name, address in page.links.items()}
    return h.body(
        h.a("Skip to content", href="#main", class_="skip"),
        _bar(page, health, spent),
        _notices(health),
        h.div(
            h.aside(page.side, class_="side column", aria_label="Outline") if page.side is not None else None,
            h.main(*page.body, id="main", tabindex="0", class_="column"),
            _beside(page),
            class_="columns-of",
        ),
        _help(),
        data_page=page.name,
        data_back=page.back or None,
        data_level=str(page.level),
        class_="has-beside" if page.beside else None,
        **links,
    )


def _beside(page: Page) -> Any:
    """Write the place for the selected item, which a script or the server fills."""
    if page.beside is None:
        return None
    return h.aside(
        *page.beside,
        id="beside",
        class_="beside column",
        aria_label="Selected",
        tabindex="-1",
        hidden=not page.beside,
        data_testid="beside",
    )


def _bar(page: Page, health: Mapping[str, Any], spent: Any) -> Any:
    return h.header(
        h.a("ccsproxy", href="/sessions", class_="brand"),
        h.nav(
            h.ul(
                h.li(h.a(title, href=address, aria_current="page" if place == page.place else None))
                for place, address, title in PLACES
            ),
            aria_label="Main",
        ),
        _query(page),
        _pulse(health, spent),
        h.a("Log out", href=health["logout"], class_="log-out") if health.get("logout") else None,
        h.button("Theme", id="theme", type="button", class_="plain", hidden=True, data_testid="theme"),
        h.button("?", id="help-button", type="button", class_="plain", aria_label="Keyboard help", hidden=True),
        class_="bar",
    )


def _query(page: Page) -> Any:
    """Write the query field, the same on every page; it leads to the list of matching calls."""
    kept = [h.input(type="hidden", name=name, value=value) for name, value in page.query.items() if name != "q"]
    return h.form(
        kept,
        h.label("Search all texts", for_="q", class_="hidden-label"),
        h.input(
            id="q",
            name="q",
            type="search",
            value=page.query.get("q", ""),
            placeholder='Search: "any words" model:opus cost:>0.5 status:>=400',
            autocomplete="off",
            spellcheck="false",
            data_testid="search",
        ),
        h.ul(id="completions", class_="completions", role="listbox", aria_label="Completions", hidden=True),
        action="/sessions" if page.name == "sessions" else "/calls",
        method="get",
        role="search",
        class_="query",
    )


def _pulse(health: Mapping[str, Any], spent: Any) -> Any:
    """Write what was spent and how many calls are in progress; a script updates it."""
    return h.p(
        h.span(spent, id="spent", class_="spent", hidden=spent is None),
        None if health.get("hub") else _in_flight(health),
        h.span("", id="live", class_="live", hidden=True),
        h.span("ccsproxy does not answer", id="away", class_="away-said", role="status", hidden=True),
        class_="pulse",
    )


def _in_flight(health: Mapping[str, Any]) -> Any:
    return h.span(h.span(exact(health.get("in_flight")), id="in-flight", class_="figure"), " in flight")


def _notices(health: Mapping[str, Any]) -> Any:
    sentences = notices(health)
    return h.ul(
        *(h.li(sentence) for sentence in sentences),
        id="notices",
        class_="notices",
        role="status",
        aria_label="Notices",
        hidden=not sentences,
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
