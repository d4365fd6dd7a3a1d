"""Findings as sentences, each with a link to the call that shows it, the weightiest first."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.markup import h

#: How many findings are shown; the rest is folded.
SHOWN = 3
#: So many places are named that the sentence itself does not name.
_PLACES = 6
#: What a finding is about, in a word, and the tone of those that need action.
_KINDS = {
    "cache": "Cache",
    "uncached": "Cache",
    "carried": "Context",
    "context": "Context",
    "tools": "Context",
    "turn": "Cost",
    "model": "Cost",
    "unpriced": "Price",
    "secret": "Secret",
    "loss": "Lost",
    "errors": "Errors",
    "stop": "Stopped",
    "repeated": "Cost",
    "thinking": "Cost",
    "reads": "Files",
    "stalls": "Time",
    "waits": "Time",
}
_URGENT = frozenset({"secret", "loss"})


def findings_list(
    found: Sequence[Mapping[str, Any]],
    *,
    titled: bool = False,
    here: tuple[str, int] | None = None,
    shown: int = SHOWN,
) -> Any:
    """Show findings; None if there are none.

    :param titled: also name the session of each.
    :param here: the call on whose page they are shown, to which no link is needed.
    :param shown: how many are not folded.
    """
    if not found:
        return None
    rest = found[shown:]
    more = (
        h.details(h.summary(f"{len(rest)} more"), h.ul([_finding(each, titled, here) for each in rest]))
        if rest
        else None
    )
    return h.section(
        h.ul([_finding(each, titled, here) for each in found[:shown]]),
        more,
        class_="findings",
        aria_label="Findings",
        data_testid="findings",
    )


def _finding(each: Mapping[str, Any], titled: bool, here: tuple[str, int] | None) -> Any:
    sid, kind = str(each["session_id"]), str(each["kind"])
    title = str(each.get("title") or sid)
    of = h.a(title, href=address.session(sid), class_="of-session muted", title=title) if titled else None
    return h.li(
        h.span(_KINDS.get(kind, kind.capitalize()), class_="sort urgent" if kind in _URGENT else "sort"),
        h.span(_sentence(each, here), class_="says"),
        of,
        class_=f"finding of-{kind}",
    )


def _sentence(each: Mapping[str, Any], here: tuple[str, int] | None) -> list[Any]:
    """Write the sentence: its beginning links to the main call, other parts to the calls that they name."""
    sid, seq, text = str(each["session_id"]), each.get("seq"), _begun(str(each["text"]))
    where = address.exchange(sid, seq) if seq is not None else address.session(sid)
    others = {str(link["text"]): int(link["seq"]) for link in each.get("links") or () if (sid, link["seq"]) != here}
    named = [name for name in others if re.search(rf"\b{re.escape(name)}\b", text)] if len(others) > 1 or here else []
    pieces = re.split(rf"\b({'|'.join(map(re.escape, named))})\b", text) if named else [text]
    parts: list[Any] = [
        _place(sid, piece, others[piece]) if piece in named else _plain(piece, where, here == (sid, seq), number)
        for number, piece in enumerate(pieces)
        if piece
    ]
    rest = [name for name in others if name not in named][:_PLACES] if len(others) > 1 or here else []
    return [*parts, *([" ", _place(sid, name, others[name])] for name in rest)]


def _plain(piece: str, where: str, is_here: bool, number: int) -> Any:
    """Write a part of the sentence; its beginning links to the main call."""
    return h.a(piece, href=where) if number == 0 and not is_here else h.span(piece)


def _place(sid: str, name: str, seq: int) -> Any:
    return h.a(name, href=address.exchange(sid, seq), class_="place")


def _begun(text: str) -> str:
    """Capitalise the beginning of a sentence, except for names of files and tools."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
