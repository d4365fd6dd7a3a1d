"""Puts the desk together: from settings, an archive and a reading pool to a site."""

from collections.abc import Mapping
from typing import Any

import attr
from twisted.web.resource import IResource

from ccsproxy.api.answer import Answer
from ccsproxy.api.archive import Archive
from ccsproxy.api.connections import Crowd
from ccsproxy.api.description import describe
from ccsproxy.api.endpoints import Endpoints
from ccsproxy.api.exposition import Exposition
from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.live import Live
from ccsproxy.api.reading import Reading
from ccsproxy.api.route import Call, Route
from ccsproxy.api.routes import make_routes
from ccsproxy.api.site import Api, DeskSite, Door
from ccsproxy.api.stream import Stream


@attr.frozen
class Desk:
    """What the process of the API is made of.

    :ivar root: the resource at the root of the site.
    :ivar live: where events are published.
    :ivar health: where snapshots are put.
    :ivar crowd: the connections that are open.
    """

    root: Door
    live: Live
    health: Health
    crowd: Crowd

    def site(self, reactor: Any) -> DeskSite:
        """Make the site that serves it."""
        return DeskSite(self.root, reactor, self.crowd)


def make_desk(
    reactor: Any,
    guard: Guard,
    archive: Archive,
    reading: Reading,
    health: Health,
    run: str,
    upstreams: Mapping[str, str],
    pages: IResource | None = None,
    most: int | None = None,
) -> Desk:
    """Put a desk together.

    :param run: names this run in the ids of live events.
    :param upstreams: URL by upstream NAME.
    :param pages: what is mounted at ``/``.
    :param most: how many connections are served at a time (see `ccsproxy.api.connections.Crowd`).
    """
    live = Live(reactor, run)
    crowd = Crowd(most)
    routes: list[Route] = []
    exposition = Exposition(health.answer, lambda: len(live.watchers), crowd)
    endpoints = Endpoints(archive, reading, health.answer, exposition, lambda: describe(routes), upstreams)
    routes.extend(make_routes(endpoints, stream_head))
    return Desk(Door(guard, Api(routes, reading, Stream(live, crowd.most_watchers)), pages), live, health, crowd)


async def stream_head(call: Call) -> Answer:
    """Answer a HEAD request for the live events; the events themselves are no answer that ends."""
    return Answer(b"", "text/event-stream")
