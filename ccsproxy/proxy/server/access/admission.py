"""Who may use the port as a forward proxy: this user's programs, and whoever presents the token."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attr

from ccsproxy.proxy.refusal import Refusal
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.runtime.sockets.peers import is_loopback, is_same_user
from ccsproxy.runtime.sockets.sock_diag import SocketOwner

_REFUSED = Refusal(
    407,
    "proxy_authentication_required",
    "This proxy serves programs of its own user only; others must send the token in the file api-token as the "
    "password in Proxy-Authorization.",
)


def no_token() -> str | None:
    """Return no token: requests that present one are refused."""
    return None


def token_reader(path: Path) -> Callable[[], str | None]:
    """Return a function that reads the token from its file on each call: the file may be created or changed while we
    run.
    """

    def read() -> str | None:
        try:
            return path.read_text("utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    return read


@attr.frozen
class ProxyAdmission:
    """Decides about CONNECT and absolute-form requests.

    :ivar any_user: on loopback, serve the programs of every user.
    :ivar token: reads the token, returns None if there is none.
    """

    any_user: bool = False
    token: Callable[[], str | None] = no_token

    def check(self, host: Any, owner: Callable[[], SocketOwner | None], head: ParsedRequestHead) -> None:
        """Accept a request, or raise.

        :param host: the local address of the connection.
        :param owner: looks up the owner of the client's socket; called only if that matters.
        :raises Refusal: with 407.
        """
        if not hasattr(host, "port"):
            return  # a UNIX socket: access is controlled by its file mode
        if is_loopback(host.host) and (self.any_user or self._is_ours(owner())):
            return
        shown, token = _token_in(head), self.token()
        if not token or shown is None or not hmac.compare_digest(shown, token.encode()):
            raise _REFUSED

    @staticmethod
    def _is_ours(owner: SocketOwner | None) -> bool:
        return owner is not None and is_same_user(owner)


def _token_in(head: ParsedRequestHead) -> bytes | None:
    """Find the token of a request: the password of ``Basic``, whatever the user, or the ``Bearer`` token."""
    for name, value in head.headers:
        if name.lower() == b"proxy-authorization":
            scheme, _, shown = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                return shown.strip()
            if scheme.lower() == b"basic":
                return _password(shown.strip())
    return None


def _password(login: bytes) -> bytes | None:
    try:
        return base64.b64decode(login, validate=True).partition(b":")[2]
    except binascii.Error:
        return None
