"""The route of a repeated call: through the running service, which records it, or directly to the upstream."""

import os
from collections.abc import Mapping
from typing import Any

import attr
from treq.client import HTTPClient

from ccsproxy.config import values
from ccsproxy.config.model import Config
from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.request import ReplayRequest
from ccsproxy.providers.registry import PROVIDERS
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.upstream.endpoints.http_proxy import ProxySettingError, proxy_for
from ccsproxy.proxy.upstream.endpoints.make_client import client_for, timeouts_of
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, Trust
from ccsproxy.proxy.upstream.pool import RelayPool

_URLS = {each.name: each.url for each in PROVIDERS if each.url}


@attr.frozen
class ReplayRoute:
    """The destination of a repeated call.

    :ivar base: the base URL to send it to.
    :ivar url: the upstream's own URL.
    :ivar recorded: whether it goes through a service.
    """

    base: str
    url: str
    recorded: bool


def route_of(request: ReplayRequest, running: Mapping[str, Any] | None) -> ReplayRoute:
    """Choose the route of a call.

    :param running: the run file of the running service, None if there is none.
    :raises NotReplayable: if the call's destination is unknown.
    """
    configured = (running or {}).get("upstreams") or {}
    url = request.base or configured.get(request.upstream) or _URLS.get(request.upstream, "")
    if not url:
        raise NotReplayable(f"the record does not say where its upstream {request.upstream!r} is")
    for name, known in configured.items():
        if known.rstrip("/") == url.rstrip("/") and running is not None:
            return ReplayRoute(f"{running['proxy'][0].rstrip('/')}/{name}", url, recorded=True)
    return ReplayRoute(url, url, recorded=False)


def connect(reactor: Any, base: str, environment: Mapping[str, str] = os.environ) -> tuple[HTTPClient, RelayPool]:
    """Create treq's client for a URL, with the relay's rules: certificates are verified, corporate proxies are used.

    :raises NotReplayable: if the URL, or the proxy named by the environment, cannot be used.
    """
    try:
        upstream = values.upstream(base)
        proxy = proxy_for(upstream, None, environment)
    except (ValueError, ProxySettingError) as error:
        raise NotReplayable(str(error)) from None
    timeouts = timeouts_of(Config((upstream,)))
    return client_for(
        upstream, reactor, BatchedTimers(reactor), timeouts, FailClosedPolicy(Trust(None, None, None)), proxy
    )
