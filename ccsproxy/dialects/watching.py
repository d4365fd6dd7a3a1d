"""Lets an observer see the events of a stream while they are read, without depending on its behaviour."""

from collections.abc import Iterable
from typing import Any

from ccsproxy.dialects.framing import Framed, Framing
from ccsproxy.dialects.protocol import StreamWatcher
from ccsproxy.wire.runs import TextRun


class WatchedEvents:
    """Shows the events of one stream to an observer.

    If the observer raises, or something in the stream is unusual, it is marked as unusual and shown nothing more; the
    caller then examines the text of the stream again. Reassembly is not affected.
    """

    def __init__(self) -> None:
        self._watcher: StreamWatcher | None = None

    def begin(self, watcher: StreamWatcher) -> None:
        """Show all further events to an observer."""
        self._watcher = watcher

    def end(self) -> None:
        """Stop showing events; those shown so far count."""
        self._watcher = None

    def names(self, events: Iterable[Framed]) -> None:
        """Show the names of some events."""
        if self._watcher is not None:
            self._watcher.names({name for name, _ in events})

    def show(self, value: Any, run: TextRun | None) -> None:
        """Show an event, or a run of them."""
        if self._watcher is None or self._watcher.unusual:
            return
        try:
            if run is None:
                self._watcher.event(value)
            else:
                self._watcher.run(run)
        except Exception:
            self.unusual()

    def show_cut(self, name: str, payload: bytearray) -> None:
        """Show an event that is not JSON: cut off, or damaged."""
        if self._watcher is not None and not self._watcher.unusual:
            try:
                self._watcher.cut(name, payload)
            except Exception:
                self.unusual()

    def show_rest(self, framing: Framing) -> None:
        """Show what followed the last complete event, if nothing else is unusual about the stream."""
        rest = framing.rest() if self._watcher is not None and not self._watcher.unusual else None
        if rest is None:
            self.unusual()
        else:
            self.show_cut(*rest)

    def unusual(self) -> None:
        """Note that the stream is not what the observer assumed."""
        if self._watcher is not None:
            self._watcher.unusual = True
