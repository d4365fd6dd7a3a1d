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
        """The findings so far."""

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Process the next event.

        :param name: the event's name in the framing; empty if it has none.
        :param value: the event's JSON value, which the reassembler may keep and change.
        :param at_ms: when it arrived, in milliseconds.
        """

    def ended(self) -> None:
        """Note that the stream's end mark (``[DONE]``) arrived."""

    def settle(self, whole: bool) -> Settled:
        """Return the message as far as it arrived; called once, after the last event.

        :param whole: the body arrived to its end, by its own framing.
        """


class Joining(Reassembler, Protocol):
    """A reassembler that may be given many small events as one."""

    def joins(self, event: dict[str, Any], holder: Any, key: Any) -> bool:
        """Return whether events that differ in one text are equivalent to one event with the joined text.

        :param event: one of them, as a JSON value.
        :param holder: the object or array in it that contains the text.
        :param key: the text's key there.
        """


class StreamWatcher(Protocol):
    """Observes the events of a stream while they are read (`ccsproxy.redaction.streams.gathered.Gathered`).

    :ivar unusual: set if events are not read one by one exactly as they are in the stream.
    """

    unusual: bool

    def event(self, value: Any) -> None:
        """Look at an event; it is not kept."""

    def run(self, run: TextRun) -> None:
        """Look at events that differ in one text."""

    def names(self, names: set[str]) -> None:
        """Look at names of events."""

    def cut(self, name: str, payload: bytearray) -> None:
        """Observe an event that is not JSON, perhaps because it was cut off.

        :param name: the line with its name; empty if there is none.
        :param payload: the part of its data that arrived, which the observer may change.
        """


class WireFormat(Protocol):
    """One LLM wire format.

    :ivar name: the dialect's name in records.
    :ivar family: the ``--provider`` values that force this format if the route does not decide.
    :ivar line_stream: streams without a specific content type are lines of JSON.
    :ivar streams_unasked: a call that does not specify it is answered with a stream.
    :ivar array_stream: a body that is a JSON array may be a stream of its elements.
    """

    name: str
    family: frozenset[str]
    line_stream: bool
    streams_unasked: bool
    array_stream: bool

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Return the kind of call of a target; None if it is not a target of this format."""

    def recognises(self, value: Any) -> bool:
        """Whether a first event or a JSON body can only be of this format."""

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a JSON body that was no stream; errors go to ``findings``."""
