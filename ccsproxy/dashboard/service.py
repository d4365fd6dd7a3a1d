"""What the pages show about the service itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.store.reader.aggregates.failures import Failures
from ccsproxy.store.reader.insights import Insights


@attr.frozen
class Service:
    """The service, as far as its pages name it.

    :ivar proxies: the proxy's URLs.
    :ivar upstreams: the names of the upstreams, the default first.
    :ivar health: what ``GET /api/health`` says.
    """

    insights: Insights
    failures: Failures
    proxies: Sequence[str] = ()
    upstreams: Sequence[str] = ()
    health: Mapping[str, Any] = attr.field(factory=dict)
