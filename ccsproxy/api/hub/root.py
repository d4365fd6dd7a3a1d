"""The root resource of the hub: identifies the user, logs the request, and limits it to the user's role.

Each role has its own server, over a reader that knows no other calls: no cache can return one person's results to
another.
"""

from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from twisted.logger import Logger
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ccsproxy.api.answer import Refused
from ccsproxy.api.hub.access import Role, Roles, Visitor
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.api.hub.authenticators import Authenticator
from ccsproxy.api.site import GuardedRoot

#: How many roles' servers are cached.
_HELD = 200


class HubRoot(Resource):
    """The root resource of the hub.

    :param make: makes the root resource of a role's server.
    :param authenticator: identifies the user; None if everybody who gets here sees everything.
    """

    _log = Logger()

    def __init__(
        self,
        make: Callable[[Role], GuardedRoot],
        roles: Roles,
        authenticator: Authenticator | None = None,
        audit: AuditLog | None = None,
    ) -> None:
        super().__init__()
        self._make, self._roles, self._authenticator, self._audit = make, roles, authenticator, audit
        self._servers: OrderedDict[Role, GuardedRoot] = OrderedDict()
        self._nobody = make(Role("none"))

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Pass a request to the server for the user's role."""
        visitor = self._authenticator.visitor(request) if self._authenticator is not None else None
        role = self._role(visitor)
        try:
            own = self._authenticator.own(request) if self._authenticator is not None else None
            self._note(visitor, role, request, own is not None)
            if own is not None:
                return own
            if (
                self._authenticator is not None
                and visitor is None
                and (unknown := self._authenticator.unknown(request)) is not None
            ):
                return unknown
            if role.kind == "none":
                raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "Your role does not allow you to see any calls.")
        except Refused as refused:
            return self._nobody.refusal(request, refused)
        return self._of(role).getChild(path, request)

    def refusal(self, request: Request, refused: Refused) -> IResource:
        """Return the resource that answers a request with an error, before anything of it is processed."""
        return self._nobody.refusal(request, refused)

    def _role(self, visitor: Visitor | None) -> Role:
        if self._authenticator is None:
            return Role("all")
        return self._roles.of(visitor) if visitor is not None else Role("none")

    def _note(self, visitor: Visitor | None, role: Role, request: Request, about_login: bool) -> None:
        if self._audit is None:
            return
        # The query of a login holds the provider's code.
        target = (request.path if about_login else request.uri).decode("latin-1")
        try:
            person = None if visitor is None else visitor.person
            self._audit.note(person, request.method.decode("latin-1"), target, role.kind)
        except OSError as error:
            self._log.error("nothing is shown because the audit log cannot be written: {error}", error=error)
            message = "The audit log cannot be written, so nothing is shown."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "no_audit", message) from None

    def _of(self, role: Role) -> GuardedRoot:
        found = self._servers.get(role)
        if found is None:
            found = self._servers[role] = self._make(role)
        # By role and not by person: a team's members share one server.
        self._servers.move_to_end(role)
        while len(self._servers) > _HELD:
            self._servers.popitem(last=False)
        return found
