"""A session beside a list: its head, what is worth knowing, and its turns."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.head import session_head
from ccsproxy.dashboard.session.outline import outline
from ccsproxy.store.reader.reader import NotKept, Reader


def selected_session(reader: Reader, given: Mapping[str, str], service: Service) -> list[Any]:
    """Return the session that the address selects (``sel=SESSION``); nothing where it names none."""
    sid = given.get("sel", "")
    if not sid:
        return []
    try:
        return session_beside(reader, sid, service)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]


def session_beside(reader: Reader, sid: str, service: Service) -> list[Any]:
    """Show a session in short.

    :raises NotKept: when there is no such session.
    """
    meta = reader.session(sid)["meta"]
    told, found = made_of(service, sid)
    parts = [
        h.p(
            h.a("Open", href=address.session(sid), class_="button", data_testid="open-beside"),
            h.a("Its calls", href=address.requests(session=sid), class_="plain button"),
            h.button("Close", type="button", class_="plain", id="close-beside", hidden=True),
            class_="actions",
        ),
        session_head(meta, told, "h2"),
        findings_list(found),
        outline(sid, told),
    ]
    return [part for part in parts if part is not None]


def made_of(service: Service, sid: str) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return conversation and findings of a session; nothing while all its calls run yet."""
    try:
        return service.insights.conversation(sid), service.insights.findings(sid)
    except NotKept:
        return None, []
