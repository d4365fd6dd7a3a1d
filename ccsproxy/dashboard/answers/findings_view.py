"""Findings: sentences, each a link to the call that shows it, the weightiest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.markup import h

#: So many stand open; the rest is folded.
SHOWN = 3


def findings_list(found: Sequence[Mapping[str, Any]], *, titled: bool = False) -> Any:
    """Show findings; None when there is nothing worth knowing.

    :param titled: also name the session that each is of.
    """
    if not found:
        return None
    rest = found[SHOWN:]
    more = (
        h.details(h.summary(f"{len(rest)} more"), h.ul([_finding(each, titled) for each in rest])) if rest else None
    )
    return h.section(
        h.ul([_finding(each, titled) for each in found[:SHOWN]]),
        more,
        class_="findings",
        aria_label="Findings",
        data_testid="findings",
    )


def _finding(each: Mapping[str, Any], titled: bool) -> Any:
    sid, seq = str(each["session_id"]), each.get("seq")
    where = address.exchange(sid, seq) if seq is not None else address.session(sid)
    title = h.span(f" {each.get('title') or sid}", class_="muted") if titled else None
    links = [
        [" ", h.a(str(link["text"]), href=address.exchange(sid, int(link["seq"])))]
        for link in (each.get("links") or ())
        if link.get("seq") != seq
    ]
    return h.li(h.a(str(each["text"]), href=where), title, links[:8], class_=f"finding of-{each['kind']}")
