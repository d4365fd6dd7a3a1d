"""The API server process: ``python -m ccsproxy.api.process``, started and instructed by the relay.

It exits when its link ends, and only then: a signal to the whole process group (Ctrl-C, systemd) is handled by the
relay, so that the API can be used until the last stream has been drained.
"""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attr
from twisted.web.resource import IResource

from ccsproxy.api.answer import ApiResponse
from ccsproxy.api.answers.endpoints import Annotate, InsightEndpoints
from ccsproxy.api.answers.news import InsightNews
from ccsproxy.api.answers.replaying import Replaying, replay_route
from ccsproxy.api.answers.routes import insight_routes
from ccsproxy.api.connections import ConnectionLimit
from ccsproxy.api.endpoints import Endpoints
from ccsproxy.api.exposition import Exposition
from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.link import ApiEnd, Settings
from ccsproxy.api.live import EventStream, Live
from ccsproxy.api.one_time_key import KeyRing
from ccsproxy.api.openapi.description import describe
from ccsproxy.api.queries import Queries
from ccsproxy.api.reading import Reading, ReadingPool
from ccsproxy.api.route import ApiCall, Endpoint
from ccsproxy.api.routes import make_routes
from ccsproxy.api.site import Api, ApiSite, GuardedRoot
from ccsproxy.dashboard.pages import Pages
from ccsproxy.insight.cost.budget import Budget, budgets_in
from ccsproxy.insight.metrics.tallies import Sample, Tallies
from ccsproxy.run import read_run_file
from ccsproxy.runtime.children.linked import run_linked
from ccsproxy.runtime.tuning import freeze_gc
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import Annotation, AnnotationChange, write_annotation


@attr.frozen
class ApiServer:
    """The parts of the API server process.

    :ivar root: the resource at the root of the site.
    :ivar live: publishes events.
    :ivar health: stores snapshots.
    :ivar limit: the open connections.
    :ivar tallies: the sums that calls have added to the metrics.
    :ivar news: processes calls that ended; None without insights.
    """

    root: GuardedRoot
    live: Live
    health: Health
    limit: ConnectionLimit
    tallies: Tallies
    news: InsightNews | None = None

    def site(self, reactor: Any) -> ApiSite:
        """Make the site that serves it."""
        return ApiSite(self.root, reactor, self.limit)


def make_api(
    reactor: Any,
    guard: Guard,
    queries: Queries,
    reading: Reading,
    health: Health,
    run: str,
    upstreams: Mapping[str, str],
    pages: IResource | None = None,
    most: int | None = None,
    keys: KeyRing | None = None,
    insights: Insights | None = None,
    annotate: Annotate | None = None,
    replay: Replaying | None = None,
) -> ApiServer:
    """Assemble an API server.

    :param run: identifies this run in the ids of live events.
    :param upstreams: URLs by upstream name.
    :param pages: what is mounted at ``/``.
    :param insights: answers questions derived from records; without it those endpoints are absent.
    :param annotate: changes the annotations of sessions and calls; without it they cannot be changed here.
    :param replay: sends recorded calls again; without it that endpoint is absent.
    :param most: how many connections are served at once (see `ccsproxy.api.connections.ConnectionLimit`).
    :param keys: one-time keys that grant access.
    """
    live = Live(reactor, run)
    limit = ConnectionLimit(most)
    routes: list[Endpoint] = []
    tallies = Tallies()
    exposition = Exposition(health.answer, lambda: len(live.watchers), limit, tallies.samples)
    endpoints = Endpoints(queries, reading, health.answer, exposition, lambda: describe(routes), upstreams)
    routes += [*make_routes(endpoints, stream_head), *([replay_route(replay)] if replay is not None else [])]
    news = None
    if insights is not None:
        routes.extend(insight_routes(InsightEndpoints(insights, reading, annotate)))
        news = InsightNews(reactor, insights, reading, live.publish)
    return ApiServer(
        GuardedRoot(guard, Api(routes, reading, EventStream(live, limit.most_watchers)), pages, keys),
        live,
        health,
        limit,
        tallies,
        news,
    )


async def stream_head(call: ApiCall) -> ApiResponse:
    """Answer a HEAD request for the live events; the event stream itself has no end."""
    return ApiResponse(b"", "text/event-stream")


#: Garbage collection thresholds of this process: rarely, because pages are trees without cycles. A full collection
#: takes 60 ms, in the middle of somebody's page.
API_THRESHOLDS = (20000, 20, 100)
#: Seconds for the ends of the streams to reach their readers.
FAREWELL = 0.2


class ApiProcess:
    """Executes the relay's messages (see `ccsproxy.api.link.RelayMessages`)."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._reading = ReadingPool(reactor)
        self._api: ApiServer | None = None

    def settings(self, settings: Settings) -> None:
        """Open the store and listen on the inherited sockets."""
        reader = Reader(Path(settings.data_dir))
        server = self._api = build(self._reactor, settings, reader, self._reading)
        self._reading.start()
        if server.news is not None:
            server.news.start()
        site = server.site(self._reactor)
        for listener in settings.listeners:
            self._reactor.adoptStreamPort(listener.descriptor, socket.AddressFamily(listener.family), site)
            # adoptStreamPort has duplicated the descriptor (IReactorSocket).
            os.close(listener.descriptor)
        freeze_gc(API_THRESHOLDS)

    def event(self, event: dict[str, Any]) -> None:
        """Pass an event to the watchers."""
        if self._api is not None:
            self._api.live.publish(event)
            if self._api.news is not None:
                self._api.news.call_ended(event)

    def health(self, snapshot: Mapping[str, Any]) -> None:
        """Keep the latest snapshot for `GET /api/health`."""
        if self._api is not None:
            self._api.health.update(snapshot)

    def metrics(self, samples: list[Sample]) -> None:
        """Store changed samples of the metrics made from calls."""
        if self._api is not None:
            self._api.tallies.replace(samples)

    def lost(self, count: int) -> None:
        """Tell the watchers that they miss events."""
        if self._api is not None:
            self._api.live.lost(count)

    def ended(self) -> None:
        """End the streams, and then the process."""
        if self._api is not None:
            self._api.live.stop()
        # The last data of the streams is still in the transports, and would be lost if the process exited at once.
        self._reactor.callLater(FAREWELL, self._reactor.stop)


def build(reactor: Any, settings: Settings, reader: Reader, reading: ReadingPool) -> ApiServer:
    """Assemble the API server from the settings."""
    guard = Guard(
        ports=frozenset(settings.ports),
        names=frozenset(settings.names),
        any_address=settings.any_address,
        cors_allow=settings.cors_allow,
        token=settings.token,
        same_user=settings.same_user,
    )
    keys = KeyRing(settings.token, settings.run, time.time) if settings.token else None
    health = Health(reactor.seconds, settings.facts, settings.started)
    queries = Queries(reader)
    insights = Insights(reader, budgets=lambda: budgets_of(Path(settings.data_dir)))
    pages = Pages(reader, reading, health.answer, lambda: proxies(Path(settings.data_dir)), insights)
    upstreams = settings.upstreams

    def annotate(session_id: str, seq: int, change: AnnotationChange) -> Annotation:
        return write_annotation(Path(settings.data_dir), session_id, seq, change)

    return make_api(
        reactor, guard, queries, reading, health, settings.run, upstreams, pages, keys=keys, insights=insights,
        annotate=annotate, replay=Replaying(reactor, Path(settings.data_dir)) if settings.replay else None,
    )  # fmt: skip


def budgets_of(data_dir: Path) -> Sequence[Budget]:
    """Return the budgets of the running service, from its run file."""
    return budgets_in(read_run_file(data_dir) or {})


def proxies(data_dir: Path) -> Sequence[str]:
    """Return the URLs of the proxy, from the run file."""
    found = (read_run_file(data_dir) or {}).get("proxy")
    return [str(url) for url in found] if isinstance(found, list) else []


def main() -> None:
    """Run until the link ends."""
    run_linked(lambda reactor: ApiEnd(ApiProcess(reactor)))


if __name__ == "__main__":
    main()
