"""TLS contexts for intercepted hosts: one per host, made on demand and cached in memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import attr
from OpenSSL import SSL, crypto
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.certificates import CertifiedKey, is_good, make_leaf, utc_now

#: Maximum number of cached contexts.
_MOST = 256
_HTTP = b"http/1.1"


@attr.frozen
class Leaf:
    """A host's certificate in use.

    :ivar identity: certificate and key.
    :ivar context: shared by the host's connections, so that they can resume each other's sessions.
    """

    identity: CertifiedKey
    context: SSL.Context


class LeafContexts:
    """TLS contexts by host. When the CA is replaced, so are they.

    :param store: stores the CA.
    :param reactor: its thread pool reads and writes the CA's files.
    """

    def __init__(self, store: AuthorityStore, reactor: Any) -> None:
        self._store = store
        self._reactor = reactor
        self._authority: CertifiedKey | None = None
        self._version: object = None
        self._leaves: OrderedDict[str, Leaf] = OrderedDict()

    def context_for(self, host: str) -> Deferred[SSL.Context]:
        """Return the context of a host.

        :return: fails with `AuthorityError` if there is no CA and none can be made.
        """
        # Checked for every connection: `ccsproxy ca` is another process, which does not notify this one.
        known, version = self._authority, self._store.version()
        if known is not None and version == self._version and is_good(known.certificate, utc_now()):
            return succeed(self._context(host, known))
        ready = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._ensure)
        return ready.addCallback(self._renewed, host)

    def _ensure(self) -> tuple[CertifiedKey, object]:
        authority = self._store.ensure()
        return authority, self._store.version()

    def _renewed(self, made: tuple[CertifiedKey, object], host: str) -> SSL.Context:
        authority, self._version = made
        if self._authority is None or self._authority.certificate != authority.certificate:
            self._authority = authority
            # Clients that trust only the new CA would refuse what the old one has signed.
            self._leaves.clear()
        return self._context(host, self._authority)

    def _context(self, host: str, authority: CertifiedKey) -> SSL.Context:
        leaf = self._leaves.get(host)
        if leaf is None or not is_good(leaf.identity.certificate, utc_now()):
            identity = make_leaf(authority, host, utc_now())
            leaf = self._leaves[host] = Leaf(identity, _server_context(identity, host))
            if len(self._leaves) > _MOST:
                self._leaves.popitem(last=False)
        self._leaves.move_to_end(host)
        return leaf.context


def _server_context(leaf: CertifiedKey, host: str) -> SSL.Context:
    """Make a host's context: TLS 1.2 and later, HTTP/1.1 only, sessions resumed by ticket or id."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    # Idle connections would keep 34 KB of buffers each, and agents keep theirs open for hours.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Without a session id context OpenSSL refuses to resume; with the same one for all hosts it would resume one
    # host's session at another. At most 32 bytes.
    context.set_session_id(b"ccsproxy " + host.encode()[:20])
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    context.use_certificate(crypto.X509.from_cryptography(leaf.certificate))
    context.use_privatekey(crypto.PKey.from_cryptography_key(leaf.key))
    context.set_alpn_select_callback(_select)
    return context


def _select(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """Choose HTTP/1.1.

    :raises SSL.Error: if a client offers only other protocols: it gets the alert ``no_application_protocol``, not a
    protocol that it has not offered.
    """
    if _HTTP in offered:
        return _HTTP
    raise SSL.Error([("SSL routines", "", "the client speaks HTTP/2 only")])


@implementer(IOpenSSLServerConnectionCreator)
class ServerConnections:
    """Makes the connections of one context."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Make the server side of one TLS connection."""
        return SSL.Connection(self._context, None)
