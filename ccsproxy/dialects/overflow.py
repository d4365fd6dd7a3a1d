"""Reads on beyond the part of a stream that is kept, only for its counts and its ending, in bounded memory."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.exchange.usage import Usage

#: The texts read so far are discarded after this many bytes of events.
_FORGET_AT = 1 << 20
#: The data in events of more bytes is left out before they are parsed.
LONG_EVENT = 1 << 20
_DATA = re.compile(rb"[A-Za-z0-9+/=_-]{4096,}")


def without_data(text: bytes) -> bytes:
    """Return the JSON of an event without the long runs of base64 in it.

    There are such within strings only, where leaving them out changes nothing but the string.
    """
    return _DATA.sub(b"", text)


class KeptTail:
    """Processes the events after the kept part like a reassembler, but soon discards their texts.

    :ivar findings: the first error and the time of the first content; nothing else is used.
    """

    def __init__(self, make: Callable[[], Reassembler]) -> None:
        """Start where the kept part ends.

        :param make: creates a reassembler for the stream's dialect.
        """
        self.findings = Findings()
        self._make = make
        self._current = make()
        self._known = Settled(complete=False, counted=False, answered=False)
        self._size = 0
        self._marked = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        self._current.event(name, value, at_ms)
        found = self._current.findings
        if found.error is not None:
            self.findings.fail(found.error.kind, found.error.message)
        if found.first_token_ms is not None:
            self.findings.content(found.first_token_ms)

    def took(self, size: int) -> None:
        """Note how long the last event was, in bytes."""
        self._size += size
        if self._size >= _FORGET_AT:
            self._forget()

    def ended(self) -> None:
        """Note the ``[DONE]`` of the stream."""
        self._marked = True
        self._current.ended()

    def _forget(self) -> None:
        self._known = _joined(self._known, self._current.settle(False))
        self._current = self._make()
        self._size = 0

    def settle(self, whole: bool) -> Settled:
        """Return the counts and the ending of all events, without a body."""
        known = _joined(self._known, self._current.settle(whole))
        complete = (known.complete or self._marked) and self.findings.error is None
        return msgspec.structs.replace(known, body=None, complete=complete)


def joined(kept: Settled, tail: Settled) -> Settled:
    """Combine the body of the kept part with the counts and the ending of the rest."""
    return msgspec.structs.replace(_joined(kept, tail), body=kept.body, complete=tail.complete)


def _joined(first: Settled, second: Settled) -> Settled:
    return Settled(
        usage=_later(first.usage, second.usage),
        response_model=second.response_model or first.response_model,
        stop_reason=second.stop_reason or first.stop_reason,
        complete=first.complete or second.complete,
        counted=first.counted or second.counted,
        answered=first.answered or second.answered,
    )


def _later(first: Usage | None, second: Usage | None) -> Usage | None:
    """Return the later of two usages, with the earlier one for values that it lacks."""
    if first is None or second is None:
        return first or second
    members = {name: value for name, value in msgspec.structs.asdict(second).items() if value is not None}
    if isinstance(first.raw, dict) and isinstance(second.raw, dict):
        members["raw"] = {**first.raw, **second.raw}
    return msgspec.structs.replace(first, **members)
