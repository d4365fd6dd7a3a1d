"""The recorder's life cycle: it begins with the main process's first message, and ends with its last, or its death.

It owns the store's lock while it lives, and each relay's log after the relay's death. It ends when the main process
requests it and everything is stored, or when the main process has died and every relay's log has been processed.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attr
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture.frames import Attached
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ingest.inbox import Inbox
from ccsproxy.capture.recorder.ingest.left_behind import LeftBehind
from ccsproxy.capture.recorder.ingest.source import RelaySource
from ccsproxy.capture.recorder.interfaces import Interpreters, Store
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.secrets.redactor import Redactor, Unredacted
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.capture.recorder.websocket.socket_recorder import SocketRecorder
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.capture.spill import SpillCipher
from ccsproxy.exchange.record import Record, Started
from ccsproxy.providers.price_book import PriceBook, PricesError
from ccsproxy.runtime.tuning import trim_heap

#: Seconds between two reports of the store's health.
HEALTH_EVERY = 1.0
#: Seconds from being ready to the first frame: if a frame kills the recorder, it has then reported that it was ready.
FIRST_AFTER = 0.01
#: Seconds after the main process's death in which its workers have to end; they do so when they notice it.
WORKERS_WITHIN = 10.0


@attr.frozen
class Recovered:
    """The result of recovering exchanges of earlier recorders.

    :ivar under_way: by id, the beginnings of those that were announced and have no record.
    :ivar stored: the ids of those that have a record.
    """

    under_way: Mapping[str, Started] = attr.field(factory=dict)
    stored: Iterable[str] = ()


@attr.frozen
class RecorderParts:
    """The factories of the recorder's parts.

    :ivar store: creates the store.
    :ivar recovered: interprets the result of opening it.
    :ivar unclean: builds the record of an exchange of which only the beginning is known.
    :ivar interpreters: see `Interpreters`.
    :ivar redactors: creates the factory of redactors, one for each exchange.
    """

    store: Callable[[RecorderSettings, Any, PriceBook], Store]
    recovered: Callable[[Any], Recovered]
    unclean: Callable[[Started], Record]
    interpreters: Interpreters
    redactors: Callable[[RecorderSettings], Callable[[], Redactor]]


def patterns_of(settings: RecorderSettings) -> tuple[tuple[str, ...], ...]:
    """Return the user's own patterns of secrets, and of what is not one."""
    return settings.redact_patterns, settings.keep_patterns


def prices_in_force(settings: RecorderSettings) -> PriceBook:
    """Return the prices of calls, and keep a copy of the user's file for commands.

    Prices never stop a recorder: a file that cannot be used any more is ignored and logged.
    """
    try:
        book = PriceBook(Path(settings.prices) if settings.prices else None)
        book.keep_copy(Path(settings.data_dir))
    except (PricesError, OSError) as reason:
        Logger().error("the price file is not used: {reason}", reason=reason)
        return PriceBook()
    return book


class RecorderProcess:
    """Assembles the recorder from the main process's settings, and shuts it down at the end.

    :ivar inbox: the protocol of the link to the main process.
    :ivar sources: by relay, those whose log has not been processed completely.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, parts: RecorderParts, adopt: Callable[[int, RelaySource], None], stop: Callable[[], None]
    ) -> None:
        """Make it for one life.

        :param adopt: makes a descriptor the transport of a relay's link, and closes it.
        :param stop: called when everything is done.
        """
        self.inbox = Inbox(reactor, self.begin, self.attach, self.close, self.lost, self.reload)
        self.sources: dict[int, RelaySource] = {}
        self._report = Report(self.inbox.report)
        self._reactor, self._parts, self._adopt, self._stop = reactor, parts, adopt, stop
        self._store: Store | None = None
        self._recorder: Recorder | None = None
        self._cipher: SpillCipher | None = None
        self._prices = PriceBook()
        self._data_dir = Path()
        self._labels: dict[str, str] = {}
        self._patterns: tuple[tuple[str, ...], ...] = ()
        self._health = LoopingCall(self._tell_health)
        self._health.clock = reactor
        self._hurrying: IDelayedCall | None = None
        self._reading = self._closing = self._orphaned = self._ending = False

    def attach(self, attached: Attached, descriptors: list[int]) -> None:
        """Take a relay's log, and the link to it if it lives."""
        link = descriptors.pop() if attached.linked else None
        source = RelaySource(self._reactor, attached, descriptors, self._worked_off)
        self.sources[source.relay] = source
        self._report.relays[source.relay] = source.report
        if link is not None:
            self._adopt(link, source)
        if self._reading:
            self._begin_source(source)

    def begin(self, settings: RecorderSettings) -> None:
        """Open the store, and record once it is open."""
        self._cipher = SpillCipher(settings.spill_key)
        left = LeftBehind.find(settings.data_dir, settings.run_session_id)
        self._prices, self._data_dir = prices_in_force(settings), Path(settings.data_dir)
        self._labels = settings.labels
        self._patterns = patterns_of(settings)
        self._store = store = self._parts.store(settings, self._reactor, self._prices)
        alive = {each.id: source.since for source in self.sources.values() for each in source.begun.values()}
        opened = store.open({**alive, **{each.id: each.started_at for each in left.begun}})
        opened.addCallback(self._opened, settings, store, left)
        opened.addErrback(self._not_opened)

    def reload(self, settings: RecorderSettings) -> None:
        """Apply changed settings: prices at once, labels and redaction to exchanges that begin from now on.

        Prices stay as they were if the file cannot be used.
        """
        try:
            self._prices.reload(Path(settings.prices) if settings.prices else None)
            self._prices.keep_copy(self._data_dir)
        except (PricesError, OSError) as reason:
            self._log.error("the prices stay as they were: {reason}", reason=reason)
        self._labels = settings.labels
        if self._recorder is not None:
            self._recorder.label(settings.labels)
            if settings.keeping.redact and self._patterns != patterns_of(settings):
                self._recorder.redact_with(self._parts.redactors(settings))
        self._patterns = patterns_of(settings)

    def close(self) -> None:
        """Read and finish everything, report it, and end."""
        self._closing = True
        for source in list(self.sources.values()):
            source.finish()
        self._end_when_worked_off()

    def lost(self) -> None:
        """Process the rest of the logs, and end: the main process has died, and its workers end with it."""
        self._orphaned = True
        self._hurrying = self._reactor.callLater(WORKERS_WITHIN, self._hurry)
        self._end_when_worked_off()

    def _opened(self, recovery: Any, settings: RecorderSettings, store: Store, left: LeftBehind) -> None:
        forced = "" if settings.provider == "auto" else settings.provider
        recovered = self._parts.recovered(recovery)
        self._recorder = recorder = SocketRecorder(
            CapturePolicy(forced, settings.bodies, settings.body_limit, self._labels),
            self._parts.interpreters,
            self._parts.redactors(settings) if settings.keeping.redact else Unredacted,
            Sessions(settings.run_session_id, store.last_seq),
            store,
            self._report,
            MemoryBudget(settings.memory_limit),
            recovered.under_way,
            recovered.stored,
            self._parts.unclean,
            self._prices.cost,
            self._reactor.callLater,
        )
        if hasattr(self._reactor, "getThreadPool"):
            recorder.writer.in_thread = partial(deferToThreadPool, self._reactor, self._reactor.getThreadPool())
            recorder.writer.give_back = trim_heap
        left.record(recorder)
        self.inbox.report.ready()
        self._reactor.callLater(FIRST_AFTER, self._begin_reading)
        self._health.start(HEALTH_EVERY).addErrback(
            lambda failure: self._log.failure("the store's health cannot be read", failure)
        )

    def _begin_reading(self) -> None:
        self._reading = True
        for source in list(self.sources.values()):
            self._begin_source(source)
        self._end_when_worked_off()

    def _begin_source(self, source: RelaySource) -> None:
        if self._recorder is not None and self._cipher is not None:
            source.begin(self._recorder, self._cipher)
        if self._closing:
            source.finish()

    def _worked_off(self, source: RelaySource) -> None:
        """End the exchanges that a relay has not ended, now that its log has been processed, unless it lives."""
        recorder = self._recorder
        if self._ending or recorder is None or source.alive:
            self._end_when_worked_off()
            return
        recorder.relay_died(source.relay, *source.attached.died)
        recorded = gatherResults([recorder.record_unclean(begun) for begun in source.unread()])
        settled = recorded.addCallback(all).addCallback(self._when_settled, recorder, source)
        settled.addErrback(lambda failure: self._log.failure("a relay's log was not worked off", failure))

    def _when_settled(self, recorded: bool, recorder: Recorder, source: RelaySource) -> Deferred[None]:
        return recorder.settled(source.relay).addCallback(lambda _: self._depart(source, recorded))

    def _depart(self, source: RelaySource, settled: bool) -> None:
        source.close(settled)
        self.sources.pop(source.relay, None)
        self._report.relays.pop(source.relay, None)
        self.inbox.report.departed(source.relay, source.announced)
        self._end_when_worked_off()

    def _not_opened(self, failure: Failure) -> None:
        self._log.failure("the recorder could not begin", failure)
        self._ending = True
        self._stop()

    def _tell_health(self) -> None:
        if self._store is not None:
            self.inbox.report.health(self._store.health())
            self._store.recreate_data_dir()
        if self._recorder is not None:
            self._recorder.keep_answers()
        self.inbox.report.metrics()
        for source in self.sources.values():
            source.report.progress()

    def _hurry(self) -> None:
        """Wait no longer for workers that do not end."""
        for source in list(self.sources.values()):
            source.alive = False
            source.finish()

    def _end_when_worked_off(self) -> None:
        if self._ending or not (self._closing or self._orphaned) or self._waiting():
            return
        self._ending = True
        if self._hurrying is not None and self._hurrying.active():
            self._hurrying.cancel()
        if self._health.running:
            self._health.stop()
        if self._recorder is None or self._store is None:
            self._stop()
            return
        store = self._store
        done = self._recorder.finish(cut=self._closing)
        done.addCallback(lambda _: store.close())
        done.addErrback(lambda failure: self._log.failure("the store did not close", failure))
        done.addCallback(lambda _: self._say_closed())
        done.addCallback(lambda _: self._stop())

    def _say_closed(self) -> None:
        for source in self.sources.values():
            source.report.flush()
        self.inbox.report.closed()

    def _waiting(self) -> bool:
        """Return whether there is something left to read; a store that cannot be opened is not waited for."""
        if self._recorder is None:
            return self._store is not None
        if not self._reading:
            return True
        return any(not (source.done and source.alive) for source in self.sources.values())
