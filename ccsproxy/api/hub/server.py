"""Assembles the hub: one reading pool, and for each role a guard, a reader, pages and API."""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar, cast

import attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy import __version__
from ccsproxy.api.answer import Refused
from ccsproxy.api.connections import ConnectionLimit
from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.hub.access import Network, Role, Roles
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.api.hub.authenticators import Authenticator, HeaderAuthenticator
from ccsproxy.api.hub.login_settings import LOG_OUT, LoginSettings
from ccsproxy.api.hub.root import HubRoot
from ccsproxy.api.process import make_api
from ccsproxy.api.queries import Queries
from ccsproxy.api.reading import ReadingPool
from ccsproxy.api.site import ApiSite, GuardedRoot
from ccsproxy.dashboard.pages import Pages
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.engine.engine import Engine, EngineError
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.engine.time_limit import TIME_LIMIT, WITHIN
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader

T = TypeVar("T")
log = Logger()


class EngineReading(ReadingPool):
    """A reading pool that reports an engine that does not answer, which is not an error of the hub's."""

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """Call a function in a thread (see `ccsproxy.api.reading.Reading`)."""
        return super().run(_within_limit, function, *arguments).addErrback(_refuse)


def _within_limit(function: Callable[..., T], *arguments: Any) -> T:
    with TIME_LIMIT.question(WITHIN):
        return function(*arguments)


def _refuse(reason: Failure) -> Any:
    reason.trap(EngineError)
    message = f"The shipped records cannot be read at the moment: {reason.getErrorMessage()}."
    log.warn("{message}", message=message)
    raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "engine", message, {"Retry-After": "5"}) from None


@attr.frozen
class HubSettings:
    """How a hub is reached, and by whom.

    :ivar source: what it reads, for health: the target's name.
    :ivar ports: TCP ports that it listens on.
    :ivar names: additional accepted values of ``Host``.
    :ivar any_address: it listens on every interface.
    :ivar header: the header in which a reverse proxy names the user.
    :ivar trusted: networks of the reverse proxy, besides this machine.
    :ivar login: how people log in by OpenID Connect.
    """

    source: str
    ports: Sequence[int] = ()
    names: Sequence[str] = ()
    any_address: bool = False
    header: str | None = None
    trusted: Sequence[Network] = ()
    login: LoginSettings | None = None


class Hub:
    """A hub over one engine.

    :ivar site: the site to listen with.
    """

    def __init__(
        self, reactor: Any, engine: Engine, settings: HubSettings, roles: Roles, audit: AuditLog | None = None
    ) -> None:
        self._reactor, self._engine, self._settings = reactor, engine, settings
        self._started = time.time()
        self.reading = EngineReading(reactor)
        self.limit = ConnectionLimit()
        root = HubRoot(self._server, roles, self._authenticator(roles), audit)
        self.site = ApiSite(cast(GuardedRoot, root), reactor, self.limit)

    def _authenticator(self, roles: Roles) -> Authenticator | None:
        settings = self._settings
        if settings.login is not None:
            # Imported here, because it needs a library that other hubs need not have.
            from ccsproxy.api.hub.oidc.authenticator import make_oidc_authenticator

            return make_oidc_authenticator(self._reactor, settings.login, tuple(roles.groups), self.reading)
        return HeaderAuthenticator(settings.header, settings.trusted) if settings.header is not None else None

    def _server(self, role: Role) -> GuardedRoot:
        """Make the server for a role."""
        condition = role.condition(self._engine.literal)
        # Its reader offers what the local one does (test/ship/reader_contract.py verifies both).
        # A user who may see nothing gets a reader of nothing, so that no page has to know about roles.
        reader = cast(Reader, EngineReader(self._engine, "1 = 0" if condition is None else condition))
        settings = self._settings
        guard = Guard(
            ports=frozenset(settings.ports),
            names=frozenset(settings.names),
            any_address=settings.any_address,
            same_user=settings.header is None and settings.login is None,
        )
        health = Health(self._reactor.seconds, self._facts(), self._started)
        health.update({})  # what relays and stores know is null: a hub only sees what was shipped
        insights = Insights(reader)
        pages = Pages(reader, self.reading, health.answer, tuple, insights)
        queries = Queries(reader)
        return make_api(self._reactor, guard, queries, self.reading, health, "hub", {}, pages, insights=insights).root

    def _facts(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "started_at": iso_time(self._started),
            "hub": self._settings.source,
            **({"logout": LOG_OUT} if self._settings.login is not None else {}),
        }
