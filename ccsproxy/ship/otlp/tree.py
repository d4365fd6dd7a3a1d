"""Spans of a session as a tree: the session, the user's turns, agents, calls and the tools between them.

A call is below its turn, or below the agent that made it; a sub-agent is below the tool call that started it; what is
not part of the conversation is below the session. A call whose client gives its position (``traceparent``) is there.
All ids are derived from the session and from numbers that do not change, so sending twice gives the same spans.

A span is sent once, when it is complete: a turn with the response that calls no tool, or with the user's next
message. A session is never complete: its span is that of its first call.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.collect import milliseconds
from ccsproxy.insight.conversation.lanes import Lane
from ccsproxy.insight.conversation.steps import Step, Turn, results_of
from ccsproxy.insight.facts import Call
from ccsproxy.insight.session import Session
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.calls import Record, call_attributes, common, failure, operation_of, resource_of, span_name
from ccsproxy.ship.otlp.content import content_attributes, tool_content
from ccsproxy.ship.otlp.span import Attributes, Span, TraceContext, derived_id, trace_context


class SessionTree:
    """The part of a session's tree that is sent with some of its calls.

    :ivar fresh: the records of these calls, by their numbers.
    """

    def __init__(self, session_id: str, session: Session, fresh: Mapping[int, Record], content: bool) -> None:
        """Prepare a session.

        :param session: all its known calls, including the fresh ones.
        :param content: whether content is sent.
        """
        self._id, self._session, self.fresh, self._content = session_id, session, fresh, content
        self._trace = derived_id(16, "session", session_id)
        self._turn_of = {call.seq: turn for turn in session.turns for call in turn.calls}
        self._foreign = {seq for seq, record in fresh.items() if client_context(record) is not None}

    def spans(self) -> Iterator[Span]:
        """Yield every span that is complete with the fresh calls, parents before their children if both are new."""
        yield from self._session_span()
        yield from self._turn_spans()
        yield from self._agent_spans()
        for lane in self._session.lanes.lanes:
            for step in self._session.steps[lane.number]:
                yield from self._tool_spans(step, lane)
        for record in self.fresh.values():
            yield self._call_span(record)

    # -- calls ---------------------------------------------------------------------------------------------------

    def _call_span(self, record: Record) -> Span:
        begun = milliseconds(record.get("started_at"))
        attributes = call_attributes(record)
        call = self._session.by_seq.get(record["seq"])
        if call is not None and call.role != "main":
            attributes["ccsproxy.purpose"] = call.role
        if call is not None and call.compacted:
            attributes[names.COMPACTED] = True
        if self._content and operation_of(record) is not None:
            attributes |= content_attributes(record)
        return Span(
            derived_id(8, "call", record.get("id")),
            client_context(record) or self._below(self._parent_of(record["seq"])),
            span_name(record), begun, begun + (record.get("duration_ms") or 0.0), attributes, resource_of(record),
            client=True, failed=failure(record),
        )  # fmt: skip

    def _parent_of(self, seq: int) -> bytes:
        """Return the parent span of a call."""
        if seq not in self._session.by_seq:
            return self._session_span_id
        lane = self._session.lane_of(seq)
        if lane.number in self._session.begun_by:
            return self._agent_id(lane)
        turn = self._turn_of.get(seq)
        return self._session_span_id if turn is None else self._turn_id(turn)

    # -- what is around them -------------------------------------------------------------------------------------

    @property
    def _session_span_id(self) -> bytes:
        return derived_id(8, "session", self._id)

    def _turn_id(self, turn: Turn) -> bytes:
        return derived_id(8, "turn", self._id, turn.calls[0].seq)

    def _agent_id(self, lane: Lane) -> bytes:
        return derived_id(8, "agent", self._id, lane.calls[0].seq)

    def _tool_id(self, seq: int, number: int) -> bytes:
        # By position: clients reuse the ids of tool calls, and some use the tool's name.
        return derived_id(8, "tool", self._id, seq, number)

    def _below(self, parent: bytes) -> TraceContext:
        return TraceContext(self._trace, parent)

    def _session_span(self) -> Iterator[Span]:
        first = min(self._session.by_seq, default=0)
        if first in self.fresh and first not in self._foreign:
            yield self._around(self._session_span_id, b"", "session", [self._session.by_seq[first]], first)

    def _turn_spans(self) -> Iterator[Span]:
        turns = self._session.turns
        for turn, following in zip_longest(turns, turns[1:]):
            closer = _closer(turn.calls, following.calls[0].seq if following is not None else None)
            if closer is not None and closer in self.fresh and closer not in self._foreign:
                yield self._around(
                    self._turn_id(turn), self._session_span_id, "invoke_agent", turn.calls, closer,
                    {names.OPERATION: "invoke_agent", "ccsproxy.turn": turn.number},
                )  # fmt: skip

    def _agent_spans(self) -> Iterator[Span]:
        for lane in self._session.lanes.lanes:
            spawn = self._session.begun_by.get(lane.number)
            if spawn is None:
                continue
            following = spawn.step.following
            closer = _closer(lane.calls, following.seq if following is not None else None)
            if closer is not None and closer in self.fresh and closer not in self._foreign:
                number = spawn.step.tool_calls.index(spawn.part)
                attributes: Attributes = {names.OPERATION: "invoke_agent"}
                if agent := lane.agent or lane.thread:
                    attributes[names.AGENT_ID] = agent
                if kind := lane.calls[0].agent_type:
                    attributes["ccsproxy.agent.type"] = kind
                above = self._tool_id(spawn.step.call.seq, number)
                yield self._around(self._agent_id(lane), above, "invoke_agent", lane.calls, closer, attributes)

    def _around(
        self, own: bytes, parent: bytes, name: str, calls: list[Call], closer: int, more: Attributes | None = None
    ) -> Span:
        """Return the span around some calls, based on the record that completes it."""
        record = self.fresh[closer]
        client = fields(record.get("client"))
        attributes: Attributes = {**common(record), **(more or {})}
        if client.get("name"):
            attributes[names.AGENT_NAME] = client["name"]
        begun, ended = min(call.started_ms for call in calls), max(call.ended_ms for call in calls)
        title = f"{name} {client['name']}" if client.get("name") else name
        return Span(own, self._below(parent), title, begun, ended, attributes, resource_of(record))

    def _tool_spans(self, step: Step, lane: Lane) -> Iterator[Span]:
        """Yield the tools that a step called, once the call with their results has arrived."""
        following = step.following
        if following is None or following.seq not in self.fresh or following.seq in self._foreign:
            return
        results, record = results_of(step), self.fresh[following.seq]
        attributes_of = tool_content(record) if self._content and step.tool_calls else {}
        for number, part in enumerate(step.tool_calls):
            if part.id in results:
                attributes: Attributes = {
                    **common(record), names.OPERATION: "execute_tool", names.TOOL_NAME: part.name,
                    names.TOOL_TYPE: "function", names.TOOL_CALL_ID: part.id, **attributes_of.get(part.id, {}),
                }  # fmt: skip
                failed = results[part.id].failed
                if failed:
                    attributes[names.ERROR_TYPE] = "tool_error"
                yield Span(
                    self._tool_id(step.call.seq, number), self._below(self._parent_of(step.call.seq)),
                    f"execute_tool {part.name}", *_tool_times(step, following, number), attributes,
                    resource_of(record), failed="" if failed else None,
                )  # fmt: skip


def _tool_times(step: Step, following: Call, number: int) -> tuple[float, float]:
    """Return when a tool started and ended: from the duration reported by the client, else until the next call."""
    called, begun = step.tool_calls, step.call.ended_ms
    name = called[number].name
    position = sum(part.name == name for part in called[:number])
    durations = [ms for tool, ms in following.tool_ms if tool == name]
    ended = max(following.started_ms, begun)
    return begun, min(begun + durations[position], ended) if position < len(durations) else ended


def client_context(record: Record) -> TraceContext | None:
    """Return the position that a call's client gives, None if it gives none."""
    headers = fields(fields(record.get("request")).get("headers"))
    return trace_context(headers.get("traceparent"), headers.get("tracestate"))


def _closer(calls: list[Call], following: int | None) -> int | None:
    """Return the call that completes some calls: the response that calls no tool, else the call after them."""
    last = calls[-1]
    if last.outcome == "complete" and not any(part.kind == "tool_call" for part in last.answer):
        return last.seq
    return following
