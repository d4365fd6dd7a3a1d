"""A session shown beside a list: its header, its findings, and its turns."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import attr
import msgspec

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.head import session_head
from ccsproxy.dashboard.session.outline import outline
from ccsproxy.insight.conversation.conversation import conversation
from ccsproxy.insight.findings import findings
from ccsproxy.insight.session import Session
from ccsproxy.store.reader.reader import NotKept, Reader


def selected_session(reader: Reader, given: Mapping[str, str], service: Service) -> list[Any]:
    """Return the session that the address selects (``sel=SESSION``); empty if it selects none."""
    sid = given.get("sel", "")
    if not sid:
        return []
    try:
        return session_beside(reader, sid, service)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]


def session_beside(reader: Reader, sid: str, service: Service) -> list[Any]:
    """Show a session in brief.

    :raises NotKept: if there is no such session.
    """
    meta = reader.session_meta(sid)
    derived = derived_session(service, sid)
    description = derived.description if derived else None
    parts = [
        h.p(
            h.a("Open", href=address.session(sid), class_="button", data_testid="open-beside"),
            h.a("Its calls", href=address.requests(session=sid), class_="plain button"),
            h.button("Close", type="button", class_="plain", id="close-beside", hidden=True),
            class_="actions",
        ),
        session_head(meta, description, "h2"),
        findings_list(derived.findings if derived else ()),
        outline(sid, description),
    ]
    return [part for part in parts if part is not None]


@attr.frozen
class DerivedSession:
    """Everything derived from one state of a session; a call may end while a page is built.

    :ivar description: the conversation.
    """

    session: Session
    description: Mapping[str, Any]
    findings: Sequence[Mapping[str, Any]]


#: The derived values of sessions still in memory; a session that has changed is another object.
_DERIVED: WeakKeyDictionary[Session, tuple[dict[str, Any], list[dict[str, Any]]]] = WeakKeyDictionary()


def derived_session(service: Service, sid: str) -> DerivedSession | None:
    """Return what is derived from a session; None while all its calls are in progress."""
    try:
        session = service.insights.session(sid)
    except NotKept:
        return None
    if not session.calls:
        return None
    # Two threads may both make it; they make the same, and the later one is kept.
    held = _DERIVED.get(session)
    if held is None:
        held = conversation(session), [msgspec.to_builtins(each) for each in findings(session)]
        _DERIVED[session] = held
    return DerivedSession(session, *held)
