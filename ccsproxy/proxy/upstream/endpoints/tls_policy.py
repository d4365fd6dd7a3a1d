"""TLS policy for upstreams: whatever cannot be verified is refused.

Twisted's own name check accepts a certificate without subjectAltName from a trusted authority, because it ignores an
unexpected error of the check. Here any error refuses. One context is made per upstream and shared by its connections;
their sessions are resumed only within it.
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

from ccsproxy.config.private_file import OpenToOthers, read_private
from ccsproxy.proxy.upstream.failures import chain_refusal, refusal


@attr.frozen
class Trust:
    """Trusted authorities and our own certificate.

    :ivar authorities: PEM file with the authorities that replace the system's.
    :ivar certificate: PEM file with our own certificate and its chain.
    :ivar key: PEM file with the certificate's key; by default the certificate's own file.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class TLSSettingError(ValueError):
    """A certificate or key file cannot be used; the message says which one and why."""


def _service_id(host: str) -> tuple[ServiceID, bool]:
    """Return the identity that a host's certificate must have, and whether it is a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return DNS_ID(host), True
    return IPAddress_ID(host), False


def make_context(trust: Trust) -> SSL.Context:
    """Make the context that all connections to an upstream share.

    :raises TLSSettingError: if a file cannot be read or has the wrong content.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    # OpenSSL's own cache does not distinguish hosts; `keep` stores sessions per host.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Saves 34 KB per idle connection, and most of a pool is idle.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Without it some servers choose HTTP/2 for a client that offers nothing, and answer in frames.
    context.set_alpn_protos([b"http/1.1"])
    if trust.authorities is None:
        context.set_default_verify_paths()
    else:
        _load("--upstream-ca", trust.authorities, lambda path: context.load_verify_locations(path))
    if trust.certificate is not None:
        _load("--client-cert", trust.certificate, context.use_certificate_chain_file)
        _load("--client-key", trust.key or trust.certificate, lambda path: _use_key(context, Path(path)))
        try:
            context.check_privatekey()
        except SSL.Error as error:
            raise TLSSettingError(
                "--client-key does not belong to --client-cert; give the key it was made with"
            ) from error
    return context


def _use_key(context: SSL.Context, path: Path) -> None:
    context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, read_private(path), lambda *_: b""))


def _load(option: str, path: Path, load: Any) -> None:
    try:
        load(str(path))
    except OpenToOthers as error:
        raise TLSSettingError(f"{option}: {path}: {error.strerror}") from error
    except (SSL.Error, crypto.Error, OSError) as error:
        raise TLSSettingError(f"{option}: {path} cannot be read as PEM; give a readable PEM file") from error


@implementer(IOpenSSLClientConnectionCreator)
class UpstreamTLS:
    """Makes the TLS connections to one host, and verifies its certificate.

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
        """Make a connection; the protocol's ``refused`` is called with the reason if a certificate is not
        accepted.
        """
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        tlsProtocol.sessions = self
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        # Removed: a session ticket that is used twice lets an observer link two connections to one client.
        session, self._session = self._session, None
        if session is not None:
            connection.set_session(session)
        return connection

    def keep(self, connection: SSL.Connection) -> None:
        """Keep a connection's session for the next one, which saves it a round trip and the certificates.

        Only a connection whose certificate was accepted completes its handshake, and the session belongs to this host
        and context alone, so its peer has been verified as above. Each session is used once (RFC 8446, C.4).
        """
        if self._accepted(connection):
            self._session = connection.get_session()

    @staticmethod
    def _accepted(connection: SSL.Connection) -> bool:
        return connection.get_app_data().why is None and connection.get_peer_certificate() is not None

    def _verify(self, connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int) -> bool:
        """Verify one certificate of a chain; anything but success refuses it."""
        try:
            if not ok:
                self._refuse(connection, chain_refusal(code))
                return False
            if depth == 0:
                # Only the leaf's name: the authorities above it have names of their own.
                verify_service_identity(extract_patterns(certificate), [self._identity], [])
            return True
        except BaseException as error:
            try:
                self._refuse(connection, refusal(error, self._host))
            except BaseException:  # noqa: S110 - nothing may leave an OpenSSL callback, and it is a refusal anyway
                pass
            return False

    @staticmethod
    def _refuse(connection: SSL.Connection, why: Exception) -> None:
        connection.get_app_data().refused(why)


@implementer(IPolicyForHTTPS)
class FailClosedPolicy:
    """The relay's `IPolicyForHTTPS`: every host gets its own context with the same trust."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    def without_certificate(self) -> FailClosedPolicy:
        """Return the same policy without our certificate, for proxies, which should not see it."""
        return FailClosedPolicy(attr.evolve(self._trust, certificate=None, key=None))

    def creatorForNetloc(self, hostname: bytes, port: int) -> UpstreamTLS:
        """Return the connection creator for a host."""
        return UpstreamTLS(hostname.decode("ascii"), make_context(self._trust))
