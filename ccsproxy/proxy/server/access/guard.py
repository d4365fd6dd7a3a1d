"""Who may use the proxy port: clients that address it by one of its names, but no web pages.

A page in the user's browser can send requests to any loopback port. It cannot choose ``Host``, ``Origin`` or
``Sec-Fetch-Site``, so these three distinguish it from a program.
"""

import re
from collections.abc import Iterable

import attr

from ccsproxy.proxy.refusal import Refusal, malformed
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.wire.headers import split_list
from ccsproxy.wire.target import BadTarget, parse_authority, split_target

#: Names and addresses of the local machine (RFC 6761 section 6.3).
_LOOPBACK = re.compile(rb"(?:[^.]+(?:\.[^.]+)*\.)?localhost\.?|(?:::ffff:)?127(?:\.[0-9]{1,3}){3}|(?:0*:)+0*1")
_CROSS_SITE = "Requests from web pages are not relayed; --cors-allow names an origin that may call."
_WEB_ORIGIN = re.compile(rb"(?i:http(s)?)://(.*)", re.DOTALL)
#: How many accepted spellings of ``Host`` are cached per listener.
_REMEMBERED = 64


@attr.frozen
class ServerRules:
    """What a proxy port serves.

    :ivar relays: there is an upstream for requests that do not name one.
    :ivar forward: it is also a forward proxy: CONNECT and absolute-form.
    :ivar websocket: WebSocket handshakes are relayed.
    """

    relays: bool = True
    forward: bool = False
    websocket: bool = False


class TransparentGuard:
    """Checks requests inside a proxied connection, whose host has already been accepted.

    :param rules: what is served.
    """

    def __init__(self, rules: ServerRules) -> None:
        self._rules = rules

    def check(self, head: ParsedRequestHead) -> bytes:
        """Refuse a target that is not in origin-form, and handshakes that are not relayed.

        :return: the request's target in origin-form.
        :raises Refusal: with 400, 405 or 426.
        """
        if not head.target.startswith(b"/"):
            raise Refusal(405, "method_not_allowed", "Only requests for a path are relayed through a connection.")
        check_upgrade(head, self._rules)
        return head.target


class PortGuard:
    """Decides for one listening address which requests are accepted.

    :param allowed: additional values of ``Host``: names, or names with a port.
    :param origin: the one web origin that may call, if any.
    :param host: the local address of the connection, empty for a UNIX socket.
    :param port: its port, None for a UNIX socket.
    :param rules: what else is served.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        origin: str | None,
        host: str,
        port: int | None,
        rules: ServerRules = ServerRules(),
    ) -> None:
        self._rules = rules
        self._host = host.encode().lower()
        self._port = port
        self._allowed = frozenset(name.encode().lower() for name in allowed)
        self._origin = origin.encode().lower() if origin else None
        self._known: set[bytes] = set()

    def check(self, head: ParsedRequestHead) -> bytes:
        """Refuse a request that is not for us, or that a web page has sent.

        :return: the request's target: in origin-form if it is for us; in absolute-form, or the authority of a
        CONNECT, if we are to forward it to another host.
        :raises Refusal: with 400, 403, 404, 405, 421 or 426.
        """
        if head.method == b"CONNECT":
            return self._tunnel(head)
        if self._is_for_another(head):
            check_upgrade(head, self._rules)
            return head.target
        if head.host is not None:
            self._check_authority(head.host)
        target = head.target
        if not target.startswith(b"/"):
            target = self._elsewhere(head)
        check_upgrade(head, self._rules)
        self._check_page(head)
        if not self._rules.relays:
            raise Refusal(
                404, "no_upstream", "No upstream is configured; add --upstream, or use this port as a proxy."
            )
        return target

    def _tunnel(self, head: ParsedRequestHead) -> bytes:
        """Check a CONNECT (RFC 9110 section 9.3.6)."""
        if not self._rules.forward:
            raise Refusal(405, "method_not_allowed", "CONNECT is not served here; see --forward.")
        try:
            _, port = parse_authority(head.target)
        except BadTarget as error:
            raise malformed(str(error)) from None
        if port is None or head.length != 0:
            raise malformed("A CONNECT names a host with a port, and has no body.")
        return head.target

    def _is_for_another(self, head: ParsedRequestHead) -> bool:
        """Tell whether a request is to be forwarded to another host; one that names ourselves is not."""
        if not self._rules.forward or head.target.startswith(b"/") or head.target == b"*":
            return False
        try:
            authority, _ = split_target(head.target)
            return not self._is_ours(*parse_authority(authority))
        except BadTarget as error:
            raise malformed(str(error)) from None

    def _elsewhere(self, head: ParsedRequestHead) -> bytes:
        """Convert a target that is not a path."""
        if head.target == b"*" and head.method == b"OPTIONS":
            raise Refusal(405, "method_not_allowed", "OPTIONS * is not relayed; send OPTIONS for a path.")
        try:
            authority, target = split_target(head.target)
            host, port = parse_authority(authority)
        except BadTarget as error:
            raise malformed(str(error)) from None
        if not self._is_ours(host, port):
            # Unlike Host, a URL comes from a client that takes us for a forward proxy, and means exactly the port it
            # names.
            raise _misdirected()
        return target

    def _check_authority(self, value: bytes) -> None:
        if value in self._known:
            return
        try:
            host, port = parse_authority(value)
        except BadTarget as error:
            raise malformed(str(error)) from None
        if not self._names_us(host, port):
            raise _misdirected()
        if len(self._known) < _REMEMBERED:
            self._known.add(value)

    def _names_us(self, host: bytes, port: int | None) -> bool:
        """Tell whether a host is one of our names, whatever the port: ports are forwarded (ssh -L, containers).

        A web page cannot make a browser send one of these names for an address of its choice, so the name alone
        distinguishes our callers from pages.
        """
        if host in self._allowed or b"%b:%d" % (host, port or 80) in self._allowed:
            return True
        return host == self._host or _LOOPBACK.fullmatch(host) is not None

    def _is_ours(self, host: bytes, port: int | None) -> bool:
        """Tell whether a host and port are this very listener, and not another service on this machine."""
        return self._names_us(host, port) and (
            host in self._allowed or port is None or self._port is None or port == self._port
        )

    def _check_page(self, head: ParsedRequestHead) -> None:
        """Refuse requests of web pages, except from the allowed origin; remember that origin for the response."""
        crossing = False
        for name, value, _, _ in head.control_lines:
            if name == b"origin":
                if value == self._origin:
                    head.allowed_origin = value
                else:
                    self._check_origin(value)
            elif name == b"sec-fetch-site" and value.strip().lower() == b"cross-site":
                crossing = True
        if crossing and head.allowed_origin is None:
            raise Refusal(
                403,
                "cross_site_refused",
                _CROSS_SITE,
            )

    def _check_origin(self, value: bytes) -> None:
        match = _WEB_ORIGIN.fullmatch(value)
        if match is None:
            return
        try:
            host, port = parse_authority(match[2])
        except BadTarget:
            host, port = b"", None
        if not self._is_ours(host, port or (443 if match[1] else 80)):
            raise Refusal(
                403,
                "cross_site_refused",
                _CROSS_SITE,
            )


def _misdirected() -> Refusal:
    return Refusal(
        421, "misdirected_request", "The request's Host is not one of this proxy's names; see --allow-host."
    )


def is_handshake(head: ParsedRequestHead) -> bool:
    """Tell whether a request is a WebSocket handshake (RFC 6455 section 4.1)."""
    if not head.upgrades or head.method != b"GET" or not head.minor or head.length != 0:
        return False
    return any(name == b"connection" and b"upgrade" in split_list(value) for name, value, _, _ in head.control_lines)


def check_upgrade(head: ParsedRequestHead, rules: ServerRules) -> None:
    """Accept an upgrade request only if it is a valid WebSocket handshake and WebSocket is relayed.

    Upgrades to other protocols are removed from the forwarded request, which declines them.

    :raises Refusal: with 426.
    """
    if head.upgrades and not (rules.websocket and is_handshake(head)):
        raise Refusal(426, "upgrade_refused", "WebSocket connections are not relayed; please use HTTP.")
