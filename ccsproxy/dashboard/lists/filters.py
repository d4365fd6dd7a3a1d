"""The filters of the list of requests: a plain form whose values make up the list's address."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.words import OUTCOMES
from ccsproxy.dashboard.lists.questions import pieces_of

#: The filters that are chosen from the values that there are, in the order of the form.
CHOSEN = (
    ("model", "Model"),
    ("upstream", "Upstream"),
    ("client", "Client"),
    ("cwd", "Directory"),
    ("outcome", "Outcome"),
    ("status", "Status"),
    ("tool", "Tool called"),
    ("category", "Category"),
    ("dialect", "Dialect"),
)
NAMES = ("q", "session", *(name for name, _ in CHOSEN), "since", "until")
#: How many values a filter offers; the selected value is always among them.
OFFERED = 200


def active(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that are set."""
    return {name: given[name] for name in NAMES if given.get(name)}


def filter_form(given: Mapping[str, str], values: Mapping[str, Sequence[Any]]) -> Any:
    """Write the form of all filters with the current selection."""
    narrowed = {name: value for name, value in active(given).items() if name != "q"}
    return h.form(
        # A form sends only its own fields, and the query field is in another form in the page header.
        h.input(type="hidden", name="q", value=given["q"]) if given.get("q") else None,
        h.details(
            h.summary("Filters", h.span(f" {len(narrowed)}", class_="count") if narrowed else None),
            h.div(
                [_choice(name, title, given.get(name, ""), values.get(name, ())) for name, title in CHOSEN],
                _field("session", "Session", given, "text"),
                _field("since", "From (UTC)", given, "datetime-local"),
                _field("until", "Before (UTC)", given, "datetime-local"),
                class_="fields",
            ),
            h.p(
                h.button("Apply", type="submit"),
                h.a("Clear all", href="/calls", class_="button plain") if active(given) else None,
                class_="actions",
            ),
            class_="filters",
            data_testid="filters",
        ),
        action="/calls",
        method="get",
        aria_label="Filter calls",
        id="filter-form",
    )


def chips(given: Mapping[str, str]) -> Any:
    """Show the filters that are set, each with a link that removes it."""
    found = active(given)
    if not found:
        return None
    titles = {**dict(CHOSEN), "session": "Session", "since": "From", "until": "Before"}
    items = [
        _chip(f"{titles[name]} ", _word(name, value), titles[name], {**found, name: ""})
        for name, value in found.items()
        if name != "q"
    ]
    items += [_chip("", piece, piece, {**found, "q": rest}) for piece, rest in pieces_of(found.get("q", ""))]
    return h.ul(items, class_="chips", aria_label="Filters that are set", data_testid="chips")


def _chip(title: str, word: str, named: str, rest: Mapping[str, str]) -> Any:
    query = urlencode({key: value for key, value in rest.items() if value})
    remove = h.a(
        "×", href=f"/calls?{query}" if query else "/calls", aria_label=f"Remove filter {named}", class_="remove"
    )
    return h.li(h.span(title, class_="muted") if title else None, word, " ", remove)


def _choice(name: str, title: str, chosen: str, values: Sequence[Any]) -> Any:
    offered = [str(value) for value in values[:OFFERED]]
    # The values change as records expire; without this the form would drop the filter when it is submitted.
    if chosen and chosen not in offered:
        offered.insert(0, chosen)
    options = [h.option("any", value="")]
    options += [h.option(_word(name, value), value=value, selected=value == chosen) for value in offered]
    return _labelled(name, title, h.select(options, id=f"filter-{name}", name=name))


def _field(name: str, title: str, given: Mapping[str, str], kind: str) -> Any:
    # Otherwise browsers reject a time with seconds, because the default step of such a field is a minute (HTML,
    # 4.10.5.1.11).
    step = "1" if kind == "datetime-local" else None
    value = given.get(name, "").removesuffix("Z")
    # The field shows nothing at all of a value that lacks its time.
    if step and value and "T" not in value:
        value += "T00:00"
    return _labelled(name, title, h.input(id=f"filter-{name}", name=name, type=kind, step=step, value=value))


def _labelled(name: str, title: str, control: Any) -> Any:
    return h.div(h.label(title, for_=f"filter-{name}"), control, class_="field")


def _word(name: str, value: str) -> str:
    return OUTCOMES[value].word if name == "outcome" and value in OUTCOMES else value
