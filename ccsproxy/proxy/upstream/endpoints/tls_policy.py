"""TLS towards upstreams: a policy that refuses whatever it cannot show to be right.

Twisted's own name check accepts a certificate without subjectAltName from a trusted authority, because it treats an
unexpected error of the check as consent. Here any error refuses. One context is made for each upstream and shared by
its connections; their sessions are resumed within it, and nowhere else.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import attr
from OpenSSL import SSL, crypto
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ccsproxy.proxy.upstream.failures import chain_refusal, refusal


@attr.frozen
class Trust:
    """Whom to trust and who we are.

    :ivar authorities: PEM file of the authorities that are trusted instead of the system's.
    :ivar certificate: PEM file of our own certificate and its chain.
    :ivar key: PEM file of the certificate's key; the certificate's own file when it is not given.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class TLSSettingError(ValueError):
    """A file of certificates or keys cannot be used; says which one and why."""


def _service_id(host: str) -> tuple[ServiceID, bool]:
    """Return the identity that a host's certificate has to have, and whether it is a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return DNS_ID(host), True
    return IPAddress_ID(host), False


def make_context(trust: Trust) -> SSL.Context:
    """Make the context that all connections to an upstream share.

    :raises TLSSettingError: when a file cannot be read as what it should be.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    # OpenSSL's own cache knows no hosts; sessions are kept by `keep`, for whom they were made with.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # An idle connection keeps 34 KB less, and most of a pool is idle.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Without it some servers choose HTTP/2 for a client that says nothing, and answer in frames.
    context.set_alpn_protos([b"http/1.1"])
    if trust.authorities is None:
        context.set_default_verify_paths()
    else:
        _load("--upstream-ca", trust.authorities, lambda path: context.load_verify_locations(path))
    if trust.certificate is not None:
        _load("--client-cert", trust.certificate, context.use_certificate_chain_file)
        _load("--client-key", trust.key or trust.certificate, context.use_privatekey_file)
        try:
            context.check_privatekey()
        except SSL.Error as error:
            raise TLSSettingError(
                "--client-key does not belong to --client-cert; give the key it was made with"
            ) from error
    return context


def _load(option: str, path: Path, load: Any) -> None:
    try:
        load(str(path))
    except (SSL.Error, OSError) as error:
        raise TLSSettingError(f"{option}: {path} cannot be read as PEM; give a readable PEM file") from error


@implementer(IOpenSSLClientConnectionCreator)
class UpstreamTLS:
    """Makes the TLS connections to one host, and checks who answers.

    :param host: name or address, as text.
    :param context: used for this host alone.
    """

    def __init__(self, host: str, context: SSL.Context) -> None:
        self._identity, named = _service_id(host)
        self._host = host
        self._server_name = host.encode("idna") if named else None
        self._context = context
        self._session: SSL.Session | None = None
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Make a connection; the protocol is told by ``refused`` why a certificate was not accepted."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        tlsProtocol.sessions = self
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        # Taken out: a session ticket that is used twice lets an observer tell that two connections are one client's.
        session, self._session = self._session, None
        if session is not None:
            connection.set_session(session)
        return connection

    def keep(self, connection: SSL.Connection) -> None:
        """Keep the session of a connection for the next one, which then pays one round trip less and no certificates.

        Only a connection whose certificate was accepted completes its handshake, and the session belongs to this
        host and context alone, so whom it speaks to has been checked as above. Each is used once (RFC 8446, C.4).
        """
        if self._accepted(connection):
            self._session = connection.get_session()

    @staticmethod
    def _accepted(connection: SSL.Connection) -> bool:
        return connection.get_app_data().why is None and connection.get_peer_certificate() is not None

    def _verify(self, connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int) -> bool:
        """Judge one certificate of a chain; anything but a proven yes is a no."""
        try:
            if not ok:
                self._refuse(connection, chain_refusal(code))
                return False
            if depth == 0:
                # The name of the leaf alone: authorities above it have names that nobody asked for.
                verify_service_identity(extract_patterns(certificate), [self._identity], [])
            return True
        except BaseException as error:
            try:
                self._refuse(connection, refusal(error, self._host))
            except BaseException:  # noqa: S110 - nothing may leave a callback of OpenSSL, and the answer is no already
                pass
            return False

    @staticmethod
    def _refuse(connection: SSL.Connection, why: Exception) -> None:
        connection.get_app_data().refused(why)


@implementer(IPolicyForHTTPS)
class FailClosedPolicy:
    """The `IPolicyForHTTPS` of the relay: every host gets a context of its own with the same trust."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    def without_certificate(self) -> FailClosedPolicy:
        """Return the same policy for hosts that are not to see who we are: proxies on the way."""
        return FailClosedPolicy(attr.evolve(self._trust, certificate=None, key=None))

    def creatorForNetloc(self, hostname: bytes, port: int) -> UpstreamTLS:
        """Return what makes the connections to a host."""
        return UpstreamTLS(hostname.decode("ascii"), make_context(self._trust))
