"""Putting the server side of the relay together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attr

from ccsproxy.config.model import Config, Upstream
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import Capture
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import ITransparentClient
from ccsproxy.proxy.resource import ProxyResource, way_to
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.refused import RefusedRecorder
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.runtime.write_batch import Turn


def relay_site(
    config: Config,
    clients: Mapping[str, tuple[Upstream, ITransparentClient]],
    capture: Capture | GuardedCapture,
    ids: IdSource,
    reactor: Any,
    timers: BatchedTimers,
    default: str = "",
    limits: Limits | None = None,
    turn: Turn | None = None,
) -> RelaySite:
    """Make the site of one listener.

    :param clients: the upstreams by name, each with its client.
    :param capture: who is told of every exchange; several sites may share a `GuardedCapture` and its count.
    :param default: the name of the upstream for paths that name none; the first one when left out.
    :param limits: the limits; `Limits` with the configured body size when left out.
    :param turn: see `RelaySite`.
    """
    guarded = capture if isinstance(capture, GuardedCapture) else GuardedCapture(capture)
    ways = {name: way_to(upstream, client) for name, (upstream, client) in clients.items()}
    resource = ProxyResource(ways, ways[default or next(iter(ways))], guarded, ids, time.monotonic)
    return RelaySite(
        resource,
        reactor,
        timers,
        RefusedRecorder(guarded, ids),
        attr.evolve(limits or Limits(), body=config.max_request_body),
        time.monotonic,
        time.time,
        allowed=config.allow_hosts,
        origin=config.cors_allow,
        turn=turn,
    )
