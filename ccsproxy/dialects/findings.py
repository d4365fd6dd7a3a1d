"""What reassembly finds besides the message: faults, errors, unplaced events, and the time of the first content."""

from typing import Any

from ccsproxy.exchange.record import Error

#: The extra member of a body for events that could not be placed.
UNPARSED_EVENTS = "_unparsed_events"


class Findings:
    """Collects the findings of reassembling one body.

    :ivar error: the first error that the provider reported.
    :ivar first_token_ms: when the first content arrived.
    """

    def __init__(self) -> None:
        self.error: Error | None = None
        self.first_token_ms: float | None = None
        self._faults: dict[str, None] = {}
        self._aside: dict[str, list[Any]] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults, each once, in the order in which they were met."""
        return tuple(self._faults)

    def fault(self, name: str) -> None:
        """Note that something was damaged or odd."""
        self._faults[name] = None

    def content(self, at_ms: float) -> None:
        """Note that content arrived.

        :param at_ms: when, in milliseconds.
        """
        if self.first_token_ms is None:
            self.first_token_ms = at_ms

    def fail(self, kind: Any, message: Any) -> None:
        """Note an error that the provider reported; the first one is kept.

        :param kind: the provider's name for it, of any JSON type.
        :param message: the provider's sentence, of any JSON type.
        """
        if self.error is None:
            self.error = Error(as_words(kind, "error"), as_words(message, ""))

    def keep(self, member: str, value: Any) -> None:
        """Keep a value in a list that becomes a side member of the body.

        :param member: the member's name, which starts with an underscore.
        """
        self._aside.setdefault(member, []).append(value)

    def unplaced(self, event: Any, fault: str = "unknown_event") -> None:
        """Keep an event that has no place in the message, and note it."""
        self.fault(fault)
        self.keep(UNPARSED_EVENTS, event)

    def extra_fields(self, event: dict[str, Any], known: frozenset[str]) -> None:
        """Keep the fields of an event that its dialect does not know."""
        if known.issuperset(event):
            return
        self.fault("unknown_field")
        self.keep("_event_fields", {k: v for k, v in event.items() if k not in known or k in _ADDRESS})

    def attach(self, body: dict[str, Any] | None) -> dict[str, Any] | None:
        """Put the side members into a body; without a body they are one."""
        if not self._aside:
            return body
        return {**(body or {}), **self._aside}


#: Fields that identify the event and the part of the message to which unknown fields belong.
_ADDRESS = frozenset({"type", "index", "output_index", "content_index"})


def as_words(value: Any, otherwise: str) -> str:
    """Return a string unchanged, numbers and booleans as text, and ``otherwise`` for everything else."""
    if isinstance(value, str):
        return value or otherwise
    return str(value) if isinstance(value, (int, float)) else otherwise
