"""Access rules of the API: Host, Origin and token, without any I/O.

A web page that the user opens can send requests to loopback ports. It cannot choose Host (except by rebinding its own
name) nor hide its Origin, so both are checked before anything else.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

import attr
from twisted.web.server import Request

from ccsproxy.api.answer import Refused, bad_request

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
METHODS = ("GET", "HEAD", "OPTIONS")
#: The method that changes annotations of sessions and calls; records never change.
CHANGING = "PUT"
#: The method that has effects elsewhere: sending a call again.
ASKING = "POST"
_FURTHER = ((b"/api/annotations/", CHANGING), (b"/api/replay", ASKING))
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


@attr.frozen
class RequestFacts:
    """The parts of a request that decide whether it is answered. Header values are lists, because they may be
    repeated.

    :ivar preflight: it is a CORS preflight.
    :ivar further: the method that its path supports besides the reading ones, empty for none.
    :ivar same_user: it comes from a program of this user or of root on this machine, according to the kernel.
    """

    method: str
    hosts: Sequence[str]
    origins: Sequence[str] = ()
    fetch_site: str = ""
    fetch_mode: str = ""
    authorization: str = ""
    cookie: str = ""
    preflight: bool = False
    further: str = ""
    same_user: bool = False


def read_request_facts(request: Request) -> RequestFacts:
    """Extract the facts that the guard checks."""

    def every(name: str) -> list[str]:
        return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name.encode(), [])]

    def one(name: str) -> str:
        values = every(name)
        # A repeated field counts as missing: a proxy in front of us may have checked the other one.
        return values[0] if len(values) == 1 else ""

    return RequestFacts(
        method=request.method.decode("latin-1"),
        hosts=every("host"),
        origins=every("origin"),
        fetch_site=one("sec-fetch-site"),
        fetch_mode=one("sec-fetch-mode"),
        authorization=one("authorization"),
        cookie=one("cookie"),
        further=next((method for path, method in _FURTHER if request.path.startswith(path)), ""),
        preflight=request.method == b"OPTIONS" and bool(one("access-control-request-method")),
    )


def url_credential(request: Request, parameter: str) -> str | None:
    """Return the ``token`` or ``key`` in the URL, if there is one."""
    query = request.uri.partition(b"?")[2].decode("latin-1")
    return next((value for name, value in parse_qsl(query) if name == parameter), None)


def without_secrets(request: Request) -> str:
    """Return the request's path and query without token and key; the result never names another host."""
    path, _, query = request.uri.decode("latin-1").partition("?")
    pairs = [pair for pair in parse_qsl(query, True, encoding="latin-1") if pair[0] not in ("token", "key")]
    rest = urlencode(pairs, encoding="latin-1")
    return "/" + path.lstrip("/\\") + (f"?{rest}" if rest else "")


@attr.frozen
class Guard:
    """The rules of one API.

    :ivar ports: the ports it listens on; empty for a UNIX socket.
    :ivar names: additional host names it accepts, each with or without a port.
    :ivar any_address: it listens on every interface, so any address (never a name) is accepted.
    :ivar cors_allow: the one origin whose pages may call.
    :ivar token: the token that callers must send; None if none is needed.
    :ivar same_user: programs of this user need no token; if there is no token, only they are answered.
    """

    ports: frozenset[int]
    names: frozenset[str] = frozenset()
    any_address: bool = False
    cors_allow: str | None = None
    token: str | None = attr.field(default=None, repr=False)
    same_user: bool = False

    def check(self, facts: RequestFacts) -> None:
        """Accept a request.

        :raises Refused: if it may not be answered.
        """
        self.check_caller(facts)
        allowed = methods_of(facts.further)
        if facts.method not in allowed:
            message = f"Only {', '.join(allowed)} are allowed here."
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", message, {"Allow": ", ".join(allowed)})
        self._check_token(facts)

    def check_caller(self, facts: RequestFacts) -> None:
        """Check Host and Origin, which a web page cannot choose.

        :raises Refused: if the request may not be answered.
        """
        self._check_host(facts)
        self._check_origin(facts)

    def cors_origin(self, facts: RequestFacts) -> str | None:
        """Return the origin that may read the response, if any."""
        return self.cors_allow if self.cors_allow and list(facts.origins) == [self.cors_allow] else None

    def accepts(self, token: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    @property
    def cookie_name(self) -> str:
        """The cookie's name: cookies are shared by the ports of a host, so the port is part of it."""
        return f"ccsproxy-{min(self.ports, default=0)}"

    @property
    def cookie_value(self) -> str:
        """The cookie's value: proof of the token that does not reveal the token."""
        return hmac.new((self.token or "").encode(), b"ccsproxy cookie", hashlib.sha256).hexdigest()

    def _check_host(self, facts: RequestFacts) -> None:
        if len(facts.hosts) != 1:
            raise bad_request("A request must have one Host.")
        if not self._is_own(facts.hosts[0].lower()):
            message = "This Host is not accepted; to accept it, start ccsproxy with --allow-host."
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "misdirected_request", message)

    def _is_own(self, host: str) -> bool:
        match = _AUTHORITY.fullmatch(host)
        if match is None:
            return False
        name, port = match["name"], match["port"]
        if host in self.names or name in self.names:
            return True
        # A Host without a port means 80 (RFC 9110, section 4.2.1), whatever port was connected to.
        if self.ports and int(port or 80) not in self.ports:
            return False
        # Addresses only, never other names: a page that rebinds its own name to us still sends that name as Host.
        return name in LOOPBACK_NAMES or (self.any_address and is_address(name))

    def _check_origin(self, facts: RequestFacts) -> None:
        if self.cors_origin(facts):
            return
        own = {f"{scheme}://{facts.hosts[0].lower()}" for scheme in ("http", "https")}
        foreign = any(origin.lower() not in own for origin in facts.origins) or len(facts.origins) > 1
        # Following a link from another page is allowed; embedding us in one, or reading from one, is not.
        embedded = facts.fetch_site in {"cross-site", "same-site"} and facts.fetch_mode != "navigate"
        if foreign or embedded:
            message = "Pages from other origins may not call the API; see --cors-allow."
            raise Refused(HTTPStatus.FORBIDDEN, "forbidden_origin", message)

    def _check_token(self, facts: RequestFacts) -> None:
        needless = facts.same_user if self.same_user else self.token is None
        # A preflight cannot carry a token: the browser sends it before any header of the page.
        if needless or (facts.preflight and self.cors_origin(facts)):
            return
        scheme, _, shown = facts.authorization.partition(" ")
        if scheme.lower() == "bearer" and self.accepts(shown.strip()):
            return
        if self.token is not None and any(
            hmac.compare_digest(each.encode(), self.cookie_value.encode()) for each in self._cookies(facts)
        ):
            return
        message = "A token is required: send the content of the file api-token as `Authorization: Bearer`."
        if self.same_user:
            message += " Programs of the user who runs ccsproxy need none; see --api-users and `ccsproxy open`."
        raise Refused(
            HTTPStatus.UNAUTHORIZED, "unauthorized", message, {"WWW-Authenticate": 'Bearer realm="ccsproxy"'}
        )

    def _cookies(self, facts: RequestFacts) -> list[str]:
        pairs = (pair.strip().partition("=") for pair in facts.cookie.split(";"))
        return [value for name, _, value in pairs if name == self.cookie_name]


def methods_of(further: str) -> tuple[str, ...]:
    """Return the methods that a path supports.

    :param further: besides the reading ones; empty for none.
    """
    return (*METHODS, further) if further else METHODS


def is_address(name: str) -> bool:
    """Whether a host is an IP address in the form used in URLs."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a listening address is reachable only from this machine; that of a UNIX socket is empty."""
    try:
        return not host or ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
