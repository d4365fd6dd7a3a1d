"""The connection pool of one upstream: most recently used first, and reused only if that is certain to be safe."""

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

#: An idle connection is no longer used this many seconds before the upstream's keep-alive time ends: otherwise the
#: request might still be in transit then, and it would be unknown whether the upstream had acted on it.
KEEP_MARGIN = 1.0
#: After a suspend of at least this many seconds the connections may have been lost unnoticed.
SUSPEND_THRESHOLD = 1.0


class ConnectionFactory(Factory):
    """Makes the connections of a pool."""

    noisy = False

    def __init__(self, pool: RelayPool) -> None:
        self._pool = pool

    def buildProtocol(self, addr: Any) -> RelayConnection:
        """Make the protocol of one new upstream connection."""
        return RelayConnection(self._pool)


class RelayPool(HTTPConnectionPool):
    """A connection pool for one upstream.

    Twisted's own pool would hand out the oldest connection first, keep it for minutes, miss ``Connection: Close``,
    and send a request twice; its interface and settings are kept, so that Twisted's `Agent` works over this one. A
    connection is taken only after a check of its socket, so that a request is never written to one that its peer has
    closed. No request is ever sent twice.

    :param reactor: for timers.
    :param timers: the batched timers of the reactor.
    :param timeouts: see `Timeouts`.
    :param clock: monotonic seconds, for `UpstreamTimings`.
    :param write_batch: flushes requests at the end of the reactor turn.
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
        # Until when each may be used, and the suspended time of the system when it was put back; oldest first.
        self._idle: dict[RelayConnection, tuple[float, float]] = {}
        self._suspended = suspended
        self._live: set[RelayConnection] = set()
        self._ends: set[Ends] = set()
        self._sweep = Deadline(timers, self._close_old)

    # -- taking --------------------------------------------------------------------------------------------------

    def take(self) -> RelayConnection | None:
        """Return the most recently used idle connection that can certainly be reused, if there is one."""
        while self._idle:
            # Most recently used first: its peer has had the least time to close it, and old ones are left to expire.
            connection, (until, slept) = self._idle.popitem()
            # After a suspend the peer has dropped its end, while the socket here still looks open.
            awake = self._suspended() - slept < SUSPEND_THRESHOLD
            if awake and self.timers.seconds() < until and connection.usable():
                return connection
            connection.abort()
        return None

    def getConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        """Return an idle connection or make a new one, see `twisted.web.client.HTTPConnectionPool`.

        :param key: identifies the host if Twisted's `Agent` asks, which gets a connection it can send its requests
        with; None is the pool's own upstream.
        """
        # Twisted's `Agent` shares one pool among all hosts; ours is for one upstream, so each of its hosts gets its
        # own pool.
        if key is not None:
            return self._of(key).getConnection(None, endpoint).addCallback(AgentConnection, self.persistent)
        connection = self.take()
        return self._newConnection(key, endpoint) if connection is None else defer.succeed(connection)

    def _of(self, key: Hashable) -> RelayPool:
        """Return the pool for one host of an `Agent`, with our limits."""
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
        """Make a connection, including tunnel and TLS, within the connect timeout, even if one is idle."""
        return self._newConnection(None, endpoint)

    def _newConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._connect(endpoint))

    async def _connect(self, endpoint: IStreamClientEndpoint) -> RelayConnection:
        """Make a connection, including tunnel and TLS, within the connect timeout."""
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
            # A cancelled attempt fails in more than one way: TCP endpoints raise an error of their own.
            if expired:
                known = error if isinstance(error, ConnectTimeout) else self.timeouts.passed(ConnectTimeout)
                raise known from None
            if isinstance(error, CancelledError):
                raise
            raise as_relay_error(error) from error
        finally:
            deadline.close()
        return connection

    # -- called by connections -----------------------------------------------------------------------------------

    def connected(self, connection: RelayConnection) -> None:
        """Store the addresses of a new connection."""
        self._live.add(connection)
        self._ends.add(connection.ends)

    def free(self, connection: RelayConnection) -> None:
        """Take back a connection whose exchange has ended."""
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

    # -- expiry and closing --------------------------------------------------------------------------------------

    def _close_old(self, _: object) -> None:
        """Close what has been idle for too long, and schedule the next check."""
        now = self.timers.seconds() + BUCKET
        for connection in [one for one, (until, _) in self._idle.items() if until <= now]:
            del self._idle[connection]
            connection.close()
        if self._idle:
            soonest = min(until for until, _ in self._idle.values())
            self._sweep.set(max(soonest - now, BUCKET), None)

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live connection of this pool.

        Both addresses have to be compared: the kernel uses the same local port for connections to different peers.

        :param peer: its remote address.
        :param host: its local address.
        """
        return ends_of(peer, host) in self._ends and hasattr(peer, "port")

    @property
    def idle_count(self) -> int:
        """How many connections are idle."""
        return len(self._idle)

    @property
    def live_count(self) -> int:
        """How many connections are open."""
        return len(self._live)

    def closeCachedConnections(self) -> Deferred[None]:
        """Close every idle connection now, and every other one after its exchange."""
        self.persistent = False
        self._sweep.close()
        while self._idle:
            self._oldest().abort()
        for pool in self._hosts.values():
            pool.closeCachedConnections()
        return defer.succeed(None)
