"""A session in plain values: facts, conversation and steps, made of records without a store."""

from collections.abc import Iterable
from typing import Any

from ccsproxy.dashboard.session.flow import Flow, flow_of
from ccsproxy.insight.collect import Collector
from ccsproxy.insight.conversation.conversation import conversation
from ccsproxy.insight.session import Session


def session_of(records: Iterable[dict[str, Any]]) -> Session:
    """Make the session of some records."""
    collector = Collector()
    return Session([collector.collect(record) for record in records])


def flow(records: Iterable[dict[str, Any]], start: str = "") -> Flow:
    """Make the session's steps with the part that an address names."""
    session = session_of(records)
    return flow_of(session, conversation(session), start)
