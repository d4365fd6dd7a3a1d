"""The connections to one upstream: kept open, newest first, and used again only when that is certain to be safe."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.web.client import HTTPConnectionPool

from ccsproxy.proxy.deadlines import BUCKET, BatchedTimers, Deadline
from ccsproxy.proxy.errors import ConnectTimeout
from ccsproxy.proxy.upstream.agent_adapter import AgentConnection
from ccsproxy.proxy.upstream.connection import RelayConnection
from ccsproxy.proxy.upstream.failures import as_relay_error
from ccsproxy.proxy.upstream.link import Ends, Timeouts, ends_of
from ccsproxy.runtime.clock import suspended_for
from ccsproxy.runtime.write_batch import WriteBatch

#: Seconds before the end of the time that an upstream keeps an idle connection in which it is not used any more: the
#: request may still be on its way when that time is over, and nobody could tell whether it was acted upon.
KEEP_MARGIN = 1.0
#: A system that was suspended for so many seconds has perhaps lost its connections without a word.
SLEPT = 1.0


class ConnectionFactory(Factory):
    """Makes the connections of a pool."""

    noisy = False

    def __init__(self, pool: RelayPool) -> None:
        self._pool = pool

    def buildProtocol(self, addr: Any) -> RelayConnection:
        """Make the protocol of one new upstream connection."""
        return RelayConnection(self._pool)


class RelayPool(HTTPConnectionPool):
    """A pool for one upstream.

    Twisted's own would hand out the oldest connection first, keep it for minutes, miss ``Connection: Close`` and send
    a request twice; of it remain the interface and the settings, so that Twisted's `Agent` works over this one. A
    connection is taken only after a look
    at its socket, so that a request is never written to one that its peer has closed. Nothing is ever sent again.

    :param reactor: for timers.
    :param timers: the batched timers of the reactor.
    :param timeouts: see `Timeouts`.
    :param clock: monotonic seconds, for `Marks`.
    :param write_batch: the reactor's turn, at whose end requests are sent.
    :param suspended: see `ccsproxy.runtime.clock.suspended_for`.
    :param persistent: whether connections are kept at all.
    """

    maxPersistentPerHost = 256
    cachedConnectionTimeout = 90.0  # type: ignore[assignment]
    retryAutomatically = False

    def __init__(
        self,
        reactor: IReactorTime,
        timers: BatchedTimers,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = monotonic,
        write_batch: WriteBatch | None = None,
        suspended: Callable[[], float] = suspended_for,
        persistent: bool = True,
    ) -> None:
        super().__init__(reactor, persistent=persistent)
        self._hosts: dict[Hashable, RelayPool] = {}
        self.timers = timers
        self.timeouts = timeouts or Timeouts()
        self.clock = clock
        self.write_batch = write_batch or WriteBatch()
        self._factory_of_ours = ConnectionFactory(self)
        # Until when each may be used, and how long the system had slept when it was put there; oldest first.
        self._idle: dict[RelayConnection, tuple[float, float]] = {}
        self._suspended = suspended
        self._live: set[RelayConnection] = set()
        self._ends: set[Ends] = set()
        self._sweep = Deadline(timers, self._close_old)

    # -- taking --------------------------------------------------------------------------------------------------

    def take(self) -> RelayConnection | None:
        """Return the idle connection used last that can certainly be used again, if there is one."""
        while self._idle:
            # The one used last: its peer has had the least time to close it, and the old ones are left to expire.
            connection, (until, slept) = self._idle.popitem()
            # After a suspend the peer has given up its end, and the socket here still looks as open as before.
            awake = self._suspended() - slept < SLEPT
            if awake and self.timers.seconds() < until and connection.usable():
                return connection
            connection.abort()
        return None

    def getConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        """Return an idle connection or make a new one, see `twisted.web.client.HTTPConnectionPool`.

        :param key: tells hosts apart where Twisted's `Agent` asks, which gets what it can send its requests with;
            None is the pool's own upstream.
        """
        # Twisted's `Agent` shares one pool among all hosts; ours is for one upstream, so that each of its hosts gets
        # a pool.
        if key is not None:
            return self._of(key).getConnection(None, endpoint).addCallback(AgentConnection, self.persistent)
        connection = self.take()
        return self._newConnection(key, endpoint) if connection is None else defer.succeed(connection)

    def _of(self, key: Hashable) -> RelayPool:
        """Return the pool of one host that `Agent` asks, with our limits."""
        pool = self._hosts.get(key)
        if pool is None:
            clock, batch, suspended = self.clock, self.write_batch, self._suspended
            pool = self._hosts[key] = RelayPool(
                self._reactor, self.timers, self.timeouts, clock, batch, suspended, self.persistent
            )
            pool.maxPersistentPerHost = self.maxPersistentPerHost
            pool.cachedConnectionTimeout = self.cachedConnectionTimeout
        return pool

    def connect(self, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        """Make a connection, tunnel and TLS included, within the connect timeout, whether one is idle or not."""
        return self._newConnection(None, endpoint)

    def _newConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._connect(endpoint))

    async def _connect(self, endpoint: IStreamClientEndpoint) -> RelayConnection:
        """Make a connection, tunnel and TLS included, within the connect timeout."""
        attempt: Deferred[Any] = endpoint.connect(self._factory_of_ours)
        expired: list[bool] = []

        def give_up(_: object) -> None:
            expired.append(True)
            attempt.cancel()

        deadline = Deadline(self.timers, give_up)
        deadline.set(self.timeouts.connect, None)
        try:
            connection: RelayConnection = await attempt
        except Exception as error:
            # A cancelled attempt fails in more than one way: a TCP endpoint has an error of its own for it.
            if expired:
                known = error if isinstance(error, ConnectTimeout) else self.timeouts.passed(ConnectTimeout)
                raise known from None
            if isinstance(error, CancelledError):
                raise
            raise as_relay_error(error) from error
        finally:
            deadline.close()
        return connection

    # -- what connections report ---------------------------------------------------------------------------------

    def connected(self, connection: RelayConnection) -> None:
        """Remember the addresses of a new connection."""
        self._live.add(connection)
        self._ends.add(connection.ends)

    def free(self, connection: RelayConnection) -> None:
        """Take a connection back whose exchange is over."""
        self._putConnection(None, connection)

    def _putConnection(self, key: Hashable, connection: RelayConnection) -> None:
        keep = self.cachedConnectionTimeout
        if connection.keep_for is not None:
            keep = min(keep, connection.keep_for - KEEP_MARGIN)
        if not self.persistent or keep <= 0:
            connection.close()
            return
        while len(self._idle) >= self.maxPersistentPerHost:
            self._oldest().close()
        if not self._idle:
            self._sweep.set(max(keep - BUCKET, BUCKET), None)
        self._idle[connection] = self.timers.seconds() + keep, self._suspended()

    def _oldest(self) -> RelayConnection:
        oldest = next(iter(self._idle))
        del self._idle[oldest]
        return oldest

    def gone(self, connection: RelayConnection) -> None:
        """Forget a connection that is closed or closing."""
        self._idle.pop(connection, None)
        self._live.discard(connection)
        self._ends.discard(connection.ends)

    # -- the rest ------------------------------------------------------------------------------------------------

    def _close_old(self, _: object) -> None:
        """Close what has been idle for too long; look again when the next one will have been."""
        now = self.timers.seconds() + BUCKET
        for connection in [one for one, (until, _) in self._idle.items() if until <= now]:
            del self._idle[connection]
            connection.close()
        if self._idle:
            soonest = min(until for until, _ in self._idle.values())
            self._sweep.set(max(soonest - now, BUCKET), None)

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live connection of this pool.

        Both addresses have to be compared: the system gives the same local port to connections with other peers.

        :param peer: the address that it comes from.
        :param host: the address that accepted it.
        """
        return ends_of(peer, host) in self._ends and hasattr(peer, "port")

    @property
    def idle_count(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    @property
    def live_count(self) -> int:
        """How many connections are open."""
        return len(self._live)

    def closeCachedConnections(self) -> Deferred[None]:
        """Close every idle connection, and every other one when its exchange is over."""
        self.persistent = False
        self._sweep.close()
        while self._idle:
            self._oldest().abort()
        for pool in self._hosts.values():
            pool.closeCachedConnections()
        return defer.succeed(None)
