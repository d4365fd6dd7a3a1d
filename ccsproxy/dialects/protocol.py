"""The interface of a dialect."""

from typing import Any, Protocol

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.wire.runs import TextRun


class Reassembler(Protocol):
    """Puts the events of one stream together. Takes any JSON values and never raises."""

    @property
    def findings(self) -> Findings:
        """What it noticed so far."""

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event.

        :param name: the event's name as the framing gives it, empty when it gives none.
        :param value: the event's JSON value, which becomes the reassembler's own.
        :param at_ms: when it arrived, in milliseconds.
        """

    def ended(self) -> None:
        """Note that the stream's end mark (``[DONE]``) arrived."""

    def settle(self, whole: bool) -> Settled:
        """Return the message as far as it came; called once, after the last event.

        :param whole: the body arrived to its end, by its own framing.
        """


class Joining(Reassembler, Protocol):
    """A reassembler that may be given many small events as one."""

    def joins(self, event: dict[str, Any], holder: Any, key: Any) -> bool:
        """Whether events that differ in one text come to the same as one event with all of it.

        :param event: one of them, as a JSON value.
        :param holder: the object or array in it that holds the text.
        :param key: where it is there.
        """


class StreamWatcher(Protocol):
    """Is shown the events of a stream while they are read (`ccsproxy.redaction.streams.gathered.Gathered`).

    :ivar unusual: set when events are read otherwise than one by one as they stand in the stream.
    """

    unusual: bool

    def event(self, value: Any) -> None:
        """Look at an event; it is not kept."""

    def run(self, run: TextRun) -> None:
        """Look at events that differ in one text."""

    def names(self, names: set[str]) -> None:
        """Look at names of events."""

    def cut(self, name: str, payload: str) -> None:
        """Look at an event that is no JSON, perhaps since it was cut off.

        :param name: the line with its name, empty where there is none.
        :param payload: what came of its data.
        """


class WireFormat(Protocol):
    """One LLM wire format.

    :ivar name: the dialect's name in records.
    :ivar family: the ``--provider`` values that force this format where a route says nothing.
    :ivar line_stream: streams without a telling content type are lines of JSON.
    :ivar streams_unasked: a call that says nothing of it is answered with a stream.
    :ivar array_stream: a body that is a JSON array may be a stream of its elements.
    """

    name: str
    family: frozenset[str]
    line_stream: bool
    streams_unasked: bool
    array_stream: bool

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Say what kind of call a target of this format is, None when it is not one of its targets."""

    def recognises(self, value: Any) -> bool:
        """Whether a first event or a JSON body can only be of this format."""

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a JSON body that was no stream; errors go to ``findings``."""
