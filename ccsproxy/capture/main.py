"""The recorder process: ``python -m ccsproxy.capture.main``, started by `ccsproxy.capture.relay.service`.

This module alone knows which store, dialects, clients and redactor a recorder is made of.
"""

import sys

if __name__ == "__main__":
    # Twisted's reactor and asyncio take TLS along when they find it: 13 MB in a process that speaks none.
    sys.modules["OpenSSL"] = sys.modules["ssl"] = None  # type: ignore[assignment]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from ccsproxy import __version__
from ccsproxy.capture.life import live
from ccsproxy.capture.recorder.interfaces import Meaning
from ccsproxy.capture.recorder.process import Recovered, Rooms
from ccsproxy.capture.recorder.recorder import Numbered
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.providers.prices import cost
from ccsproxy.redaction import redactors
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.recovery import Recovery
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.store import Store
from ccsproxy.store.threads import in_thread

#: Seconds that the index gets at the end.
INDEX_WITHIN = 5.0


class IndexedStore(Store):
    """A store whose index follows it, in a thread of its own."""

    def __init__(self, data_dir: Path, settings: StoreSettings, reactor: Any) -> None:
        self._feeder = IndexFeeder(data_dir, cost)
        super().__init__(data_dir, settings, reactor, self._feeder)

    def open(self, alive: Mapping[str, Any] | None = None) -> Deferred[Recovery]:
        """Open the store, then begin to index."""
        return super().open(alive).addCallback(self._begin)

    def health(self) -> dict[str, Any]:
        """Return the state of both."""
        return {**super().health(), "index": self._feeder.state()}

    def close(self) -> Deferred[None]:
        """Close the store, then index what is left for a moment; the rest is caught up at the next start."""
        return (
            super().close().addCallback(lambda _: in_thread(self._reactor, lambda: self._feeder.stop(INDEX_WITHIN)))
        )

    def _begin(self, recovery: Recovery) -> Recovery:
        self._feeder.start()
        return recovery


def make_store(settings: RecorderSettings, reactor: Any) -> Store:
    """Make the store."""
    options = StoreSettings(
        run=settings.run_session_id,
        writer=f"ccsproxy/{__version__}",
        redact=settings.redact,
        rotate_size=settings.rotate_size,
        rotate_every=settings.rotate_every,
        retain_days=settings.retain_days,
        retain_size=settings.retain_size,
        compress=settings.compress,
        sync=settings.sync,
    )
    return IndexedStore(Path(settings.data_dir), options, reactor)


def recovered(recovery: Recovery) -> Recovered:
    """Say what an earlier recorder left of the exchanges in flight."""
    numbered = {each.id: Numbered(each.session_id, each.seq) for each in recovery.under_way}
    return Recovered(numbered, recovery.ended)


if __name__ == "__main__":
    from twisted.internet import reactor

    live(reactor, Rooms(make_store, recovered, Meaning(detect, identify), redactors()))
