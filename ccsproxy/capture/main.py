"""The recorder process: ``python -m ccsproxy.capture.main``, started by `ccsproxy.capture.relay.service`.

Only this module knows which store, dialects, clients and redactor a recorder is composed of.
"""

import sys

if __name__ == "__main__":
    # Twisted's reactor and asyncio import TLS if they find it: 13 MB in a process that never uses it.
    sys.modules["OpenSSL"] = sys.modules["ssl"] = None  # type: ignore[assignment]

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from socket import AF_UNIX
from typing import Any

import attr
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from ccsproxy import __version__
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.process import RecorderParts, RecorderProcess, Recovered
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.redaction import Redactor, Rules, Tagger, redactors
from ccsproxy.redaction.kinds.tags import read_key
from ccsproxy.redaction.text_memory import TextMemory
from ccsproxy.runtime.children.child import LINK_FD
from ccsproxy.runtime.clock import use_monotonic_clock
from ccsproxy.runtime.epoll import install_fast_epoll
from ccsproxy.runtime.signals import leave_signals_to_parent
from ccsproxy.runtime.tuning import HeapTrimmer, freeze_gc, return_large_pieces, switch_threads_rarely
from ccsproxy.runtime.write_batch import WriteBatch
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.maintenance.recovery import Recovery
from ccsproxy.store.maintenance.unclean import unclean_record
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.store import Store
from ccsproxy.store.writer import in_thread

#: Garbage collection thresholds: rarely, because most garbage here is many short-lived trees without cycles.
RECORDER_THRESHOLDS = (20000, 20, 100)


class InboxFactory(Factory):
    """Returns the one protocol for the one connection there is."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return the protocol of the control link."""
        return self._protocol


def adopt(reactor: Any, descriptor: int, protocol: Protocol) -> None:
    """Make one end of a socket pair the transport of a protocol.

    The reactor works on a duplicate, so the original is closed: the link must end with the duplicate.
    """
    reactor.adoptStreamConnection(descriptor, AF_UNIX, InboxFactory(protocol))
    os.close(descriptor)


def run(reactor: Any, parts: RecorderParts) -> None:
    """Run a recorder until its relay is done with it.

    Signals that a terminal or systemd sends to the whole process group are handled by the relay: it closes the link
    after everything has been handed over.

    :param reactor: not running yet.
    """
    os.umask(0o077)
    leave_signals_to_parent()
    use_monotonic_clock(reactor)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr, timeFormat=None)], redirectStandardIO=False)

    return_large_pieces()
    trimmer = HeapTrimmer(reactor)

    def stop() -> None:
        trimmer.stop()
        transport = process.inbox.transport
        if transport is not None:
            transport.loseConnection()
        reactor.callLater(0.01, reactor.stop)

    process = RecorderProcess(reactor, parts, lambda link, source: adopt(reactor, link, source), stop)
    adopt(reactor, LINK_FD, process.inbox)
    trimmer.start()
    freeze_gc(RECORDER_THRESHOLDS)
    switch_threads_rarely()
    install_fast_epoll(reactor, WriteBatch())
    reactor.run(installSignalHandlers=False)


_log = Logger()
#: Seconds that the index gets at shutdown.
INDEX_WITHIN = 5.0


class IndexedStore(Store):
    """A store with an index that follows it in a thread of its own."""

    def __init__(self, data_dir: Path, settings: StoreSettings, reactor: Any, prices: PriceBook) -> None:
        self._feeder = IndexFeeder(data_dir, prices.cost)
        super().__init__(data_dir, settings, reactor, self._feeder)
        self._feeder.may_work = self.owns_data_dir

    def open(self, alive: Mapping[str, float | None] | None = None) -> Deferred[Recovery]:
        """Open the store, then start indexing."""
        return super().open(alive).addCallback(self._begin)

    def health(self) -> dict[str, Any]:
        """Return the state of store and index."""
        return {**super().health(), "index": self._feeder.state()}

    async def _shut(self) -> None:
        """Close the store, then index what is left for a moment; the rest is indexed at the next start."""
        await super()._shut()
        await in_thread(self._reactor, lambda: self._feeder.stop(INDEX_WITHIN))

    def _begin(self, recovery: Recovery) -> Recovery:
        self._feeder.start()
        return recovery


def make_store(settings: RecorderSettings, reactor: Any, prices: PriceBook) -> Store:
    """Make the store from the relay's settings."""
    options = StoreSettings(
        run=settings.run_session_id,
        writer=f"ccsproxy/{__version__}",
        **attr.asdict(settings.keeping),
    )
    return IndexedStore(Path(settings.data_dir), options, reactor, prices)


def recovered(recovery: Recovery) -> Recovered:
    """Describe the exchanges that an earlier recorder left in flight."""
    return Recovered({each.id: each for each in recovery.under_way}, recovery.ended)


def make_redactors(settings: RecorderSettings) -> Callable[[], Redactor]:
    """Return a factory of redactors, with the built-in and the user's rules and the data directory's key.

    Redaction never depends on that key: without it tags are valid for this recorder only, and an error is logged.
    """
    try:
        tagger = Tagger(read_key(Path(settings.data_dir)))
    except (OSError, ValueError) as reason:
        _log.error(
            "the tag key cannot be read, so tags of secrets are valid only until the recorder ends: {reason}",
            reason=str(reason),
        )
        tagger = Tagger()
    rules = Rules(tagger, settings.redact_patterns, settings.keep_patterns, memory=TextMemory())
    return redactors(rules)


if __name__ == "__main__":
    from twisted.internet import reactor

    run(reactor, RecorderParts(make_store, recovered, unclean_record, Interpreters(detect, identify), make_redactors))
