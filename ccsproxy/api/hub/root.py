"""The root resource of the hub: identifies the user, logs the request, and limits it to the user's role.

Each role has a server of its own, over a reader that knows no other calls: what one person was answered can be in no
memory that another is answered from.
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

#: Roles whose servers are held.
_HELD = 200


class HubRoot(Resource):
    """Everything that the hub answers.

    :param make: makes the root of a role's server.
    :param header: in which a reverse proxy says who asks; None where everybody who gets here sees everything.
    :param trusted: networks beside this machine from which the header counts.
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
        self._held: OrderedDict[Role, GuardedRoot] = OrderedDict()
        self._nobody = make(Role("none"))

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Hand a request to the server of whoever asks."""
        person = self._person(request)
        role = self._role(person)
        try:
            self._note(person, role, request)
            if role.kind == "none":
                raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "Your role lets you see no calls.")
        except Refused as refused:
            return self._nobody.refusal(request, refused)
        return self._of(role).getChild(path, request)

    def refusal(self, request: Request, refused: Refused) -> IResource:
        """Return the resource that answers a request with an error before anything of it is looked at."""
        return self._nobody.refusal(request, refused)

    def _person(self, request: Request) -> str | None:
        """Return who asks; the header counts from where the reverse proxy is, others may write what they like."""
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
            self._log.error("nothing is shown while nobody can note who looks: {error}", error=error)
            message = "Who looks cannot be noted, so nothing is shown."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "no_audit", message) from None

    def _of(self, role: Role) -> GuardedRoot:
        found = self._held.get(role)
        if found is None:
            found = self._held[role] = self._make(role)
        # By role and not by person: a team's members are answered from one server.
        self._held.move_to_end(role)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return found
