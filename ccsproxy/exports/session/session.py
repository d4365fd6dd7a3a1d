"""A session as one conversation for people, each text once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.session.markdown import transcript_markdown
from ccsproxy.exports.session.page import transcript_page
from ccsproxy.exports.session.texts import texts_of
from ccsproxy.exports.session.transcript import transcript_of
from ccsproxy.insight.cost.rates import Price
from ccsproxy.providers.price_book import list_price


@attr.frozen
class SessionExtras:
    """Optional input of an export besides the records.

    :ivar price: the cost of calls.
    :ivar notes: annotations of the session and its calls; empty unless requested.
    """

    price: Price = list_price
    notes: Sequence[Mapping[str, Any]] = ()


NOTHING = SessionExtras()
Records = Iterable[Mapping[str, Any]]


def session_markdown(
    meta: Mapping[str, Any], records: Records, upstreams: Upstreams, extras: SessionExtras = NOTHING
) -> Iterator[str]:
    """Write a session as Markdown."""
    # Nothing is read before the first piece is consumed, which happens where reading may block.
    yield from transcript_markdown(transcript_of(meta, texts_of(records, extras.price), extras.notes))


def session_page(
    meta: Mapping[str, Any], records: Records, upstreams: Upstreams, extras: SessionExtras = NOTHING
) -> Iterator[str]:
    """Write a session as a self-contained page."""
    yield from transcript_page(transcript_of(meta, texts_of(records, extras.price), extras.notes))


def notes_of(annotations: Iterable[Mapping[str, Any]], session_id: str) -> list[Mapping[str, Any]]:
    """Return the annotations of a session and its calls, the session's first."""
    own = [each for each in annotations if each["session_id"] == session_id]
    return sorted(own, key=lambda each: each.get("seq") or 0)
