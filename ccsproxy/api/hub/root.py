"""The root resource of the hub: identifies the user, logs the request, and limits it to the user's role.

Each role has its own server, over a reader that knows no other calls: no cache can return one person's results to
another.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address

from twisted.logger import Logger
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ccsproxy.api.answer import Refused
from ccsproxy.api.guard import is_loopback
from ccsproxy.api.hub.access import Network, Role, Roles, person_in
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.api.site import GuardedRoot

#: How many roles' servers are cached.
_HELD = 200


class HubRoot(Resource):
    """The root resource of the hub.

    :param make: makes the root resource of a role's server.
    :param header: the header in which a reverse proxy names the user; None if everybody who gets here sees
    everything.
    :param trusted: networks besides this machine from which the header is accepted.
    """

    _log = Logger()

    def __init__(
        self,
        make: Callable[[Role], GuardedRoot],
        roles: Roles,
        header: str | None = None,
        audit: AuditLog | None = None,
        trusted: Sequence[Network] = (),
    ) -> None:
        super().__init__()
        self._trusted = trusted
        self._make, self._roles, self._header, self._audit = make, roles, header, audit
        self._servers: OrderedDict[Role, GuardedRoot] = OrderedDict()
        self._nobody = make(Role("none"))

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Pass a request to the server for the user's role."""
        person = self._person(request)
        role = self._role(person)
        try:
            self._note(person, role, request)
            if role.kind == "none":
                raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "Your role does not allow you to see any calls.")
        except Refused as refused:
            return self._nobody.refusal(request, refused)
        return self._of(role).getChild(path, request)

    def refusal(self, request: Request, refused: Refused) -> IResource:
        """Return the resource that answers a request with an error, before anything of it is processed."""
        return self._nobody.refusal(request, refused)

    def _person(self, request: Request) -> str | None:
        """Return the user; the header is accepted only from the reverse proxy, since others could write anything."""
        if self._header is None or not self._is_proxy(getattr(request.getClientAddress(), "host", "127.0.0.1")):
            return None
        return person_in(request.requestHeaders.getRawHeaders(self._header.encode()))  # type: ignore[arg-type]

    def _is_proxy(self, host: str) -> bool:
        return is_loopback(host) or any(ip_address(host) in network for network in self._trusted)

    def _role(self, person: str | None) -> Role:
        if self._header is None:
            return Role("all")
        return self._roles.of(person) if person is not None else Role("none")

    def _note(self, person: str | None, role: Role, request: Request) -> None:
        if self._audit is None:
            return
        method, target = request.method.decode("latin-1"), request.uri.decode("latin-1")
        try:
            self._audit.note(person, method, target, role.kind)
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
