"""Findings: sentences, each a link to the call that shows it, the weightiest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.markup import h

#: So many stand open; the rest is folded.
SHOWN = 3


def findings_list(
    found: Sequence[Mapping[str, Any]], *, titled: bool = False, here: tuple[str, int] | None = None
) -> Any:
    """Show findings; None when there is nothing worth knowing.

    :param titled: also name the session that each is of.
    :param here: the call on whose page they stand, which no link needs to lead to.
    """
    if not found:
        return None
    rest = found[SHOWN:]
    more = (
        h.details(h.summary(f"{len(rest)} more"), h.ul([_finding(each, titled, here) for each in rest]))
        if rest
        else None
    )
    return h.section(
        h.ul([_finding(each, titled, here) for each in found[:SHOWN]]),
        more,
        class_="findings",
        aria_label="Findings",
        data_testid="findings",
    )


def _finding(each: Mapping[str, Any], titled: bool, here: tuple[str, int] | None) -> Any:
    sid, seq = str(each["session_id"]), each.get("seq")
    where = address.exchange(sid, seq) if seq is not None else address.session(sid)
    title = h.span(f" {each.get('title') or sid}", class_="muted") if titled else None
    others = [link for link in (each.get("links") or ()) if (sid, link.get("seq")) != here]
    links = [
        [" ", h.a(str(link["text"]), href=address.exchange(sid, int(link["seq"])), class_="place")]
        for link in (others if len(others) > 1 or here else ())
    ]
    text = str(each["text"])
    said = h.a(text, href=where) if here != (sid, seq) else h.span(text)
    return h.li(said, title, links[:8], class_=f"finding of-{each['kind']}")
