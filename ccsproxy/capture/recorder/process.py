"""The recorder's life in its process: opened by the relay's first words, ended by its last, or by their absence."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attr
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import Budget
from ccsproxy.capture.recorder.inbox import Inbox
from ccsproxy.capture.recorder.interfaces import Interpreters, Store
from ccsproxy.capture.recorder.recorder import Numbered, Recorder
from ccsproxy.capture.recorder.redaction import Redactor, Unredacted
from ccsproxy.capture.recorder.sessions import Sessions
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.providers.price_book import PriceBook, PricesError

#: Seconds between two reports of the store's health.
HEALTH_EVERY = 1.0
#: Seconds from being ready to the first frame: whoever is going to be killed by it has then said that it was ready.
FIRST_AFTER = 0.01


@attr.frozen
class Recovered:
    """What an earlier recorder left of the exchanges in flight.

    :ivar numbered: by id, those it had announced and not recorded.
    :ivar stored: the ids of those it had recorded.
    """

    numbered: dict[str, Numbered] = attr.field(factory=dict)
    stored: Iterable[str] = ()


@attr.frozen
class RecorderParts:
    """What the recorder is put together from.

    :ivar store: makes the store.
    :ivar recovered: reads what opening it answered.
    :ivar interpreters: see `Interpreters`.
    :ivar redactor: makes the redactor.
    """

    store: Callable[[RecorderSettings, Any, PriceBook], Store]
    recovered: Callable[[Any], Recovered]
    interpreters: Interpreters
    redactor: Callable[[], Redactor]


def prices_in_force(settings: RecorderSettings) -> PriceBook:
    """Return the prices that calls are priced with, and keep a copy of the user's for the commands.

    Prices never stop a recorder: a file that cannot be used any more is as none, and the log says so.
    """
    try:
        book = PriceBook(Path(settings.prices) if settings.prices else None)
        book.keep_copy(Path(settings.data_dir))
    except (PricesError, OSError) as reason:
        Logger().error("the price file is not used: {reason}", reason=reason)
        return PriceBook()
    return book


class RecorderProcess:
    """Puts the recorder together when the relay has said what to do, and takes it apart at the end.

    :ivar inbox: the protocol of the link.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, spill_descriptor: int | None, parts: RecorderParts, stop: Callable[[], None]
    ) -> None:
        """Make it for one life.

        :param stop: called when everything is done.
        """
        self.inbox = Inbox(reactor, spill_descriptor, self.begin, self.close, self.lost)
        self._reactor, self._parts, self._stop = reactor, parts, stop
        self._store: Store | None = None
        self._recorder: Recorder | None = None
        self._health = LoopingCall(self._tell_health)
        self._health.clock = reactor
        self._prices = PriceBook()
        self._data_dir = Path()
        self._ending = False

    def begin(self, settings: RecorderSettings, alive: list[str]) -> None:
        """Open the store, and record once it is open."""
        self._prices, self._data_dir = prices_in_force(settings), Path(settings.data_dir)
        self._store = store = self._parts.store(settings, self._reactor, self._prices)
        opened = store.open(dict.fromkeys(alive))
        opened.addCallback(self._opened, settings, store)
        opened.addErrback(self._not_opened)

    def reload_prices(self) -> None:
        """Read the user's price file again; prices stay as they were where it cannot be used."""
        try:
            self._prices.reload()
            self._prices.keep_copy(self._data_dir)
        except (PricesError, OSError) as reason:
            self._log.error("the prices stay as they were: {reason}", reason=reason)

    def close(self) -> None:
        """Finish everything, say so, and end."""
        self._end(cut=True)

    def lost(self) -> None:
        """Keep what has come whole, and end; what was in flight is found as unclean at the next start."""
        self._end(cut=False)

    def _opened(self, recovery: Any, settings: RecorderSettings, store: Store) -> None:
        forced = "" if settings.provider == "auto" else settings.provider
        recovered = self._parts.recovered(recovery)
        self._recorder = Recorder(
            CapturePolicy(forced, settings.bodies, settings.body_limit, settings.labels),
            self._parts.interpreters,
            self._parts.redactor if settings.redact else Unredacted,
            Sessions(settings.run_session_id, store.last_seq),
            store,
            self.inbox.report,
            Budget(settings.memory_limit),
            recovered.numbered,
            self._prices.cost,
        )
        for exchange_id in recovered.stored:
            self._recorder.is_stored(exchange_id)
        self.inbox.report.ready()
        self._reactor.callLater(FIRST_AFTER, self._begin_taking, self._recorder)
        self._health.start(HEALTH_EVERY).addErrback(lambda failure: self._log.failure("no health is told", failure))

    def _begin_taking(self, recorder: Recorder) -> None:
        if not self._ending:
            self.inbox.ready(recorder)

    def _not_opened(self, failure: Failure) -> None:
        self._log.failure("the recorder could not begin", failure)
        self._ending = True
        self._stop()

    def _tell_health(self) -> None:
        if self._store is not None:
            self.inbox.report.health(self._store.health())

    def _end(self, cut: bool) -> None:
        if self._ending:
            return
        self._ending = True
        if self._health.running:
            self._health.stop()
        if self._recorder is None or self._store is None:
            self._stop()
            return
        store = self._store
        done = self._recorder.finish(cut)
        done.addCallback(lambda _: store.close())
        done.addErrback(lambda failure: self._log.failure("the store did not close", failure))
        done.addCallback(lambda _: self.inbox.report.closed())
        done.addCallback(lambda _: self._stop())
