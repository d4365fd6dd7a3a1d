"""The service as the pages show it."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.store.reader.aggregates.failures import Failures
from ccsproxy.store.reader.insights import Insights


@attr.frozen
class Service:
    """The properties of the service that pages show.

    :ivar proxies: the proxy's URLs.
    :ivar upstreams: the names of the upstreams, the default first.
    :ivar health: the answer of ``GET /api/health``.
    """

    insights: Insights
    failures: Failures
    proxies: Sequence[str] = ()
    upstreams: Sequence[str] = ()
    health: Mapping[str, Any] = attr.field(factory=dict)
