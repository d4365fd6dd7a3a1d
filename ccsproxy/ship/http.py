"""HTTP towards targets: stock treq over a persistent pool of connections, with bounds on what is read and waited for.

Redirects are not followed: a target's credentials would be sent along, and a POST turned into a GET would look like a
success.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as TlsError
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss

from ccsproxy import __version__
from ccsproxy.config.shipping import ShipAddress
from ccsproxy.errors import ConfigError
from ccsproxy.ship.reply import Reply
from ccsproxy.ship.target import Unavailable

#: Time limits in seconds for connecting, and for the whole response: longer than servers take for a batch, so that
#: nothing is sent again while it is still being processed.
CONNECT_WITHIN, ANSWER_WITHIN = 10.0, 120.0
#: How many bytes of a response are read.
MOST = 1 << 20
_TROUBLE = (
    ConnectError, ConnectionClosed, DNSLookupError, TwistedTimeout, DeferredTimeout, TlsError, VerificationError,
    ResponseFailed, RequestNotSent, RequestTransmissionFailed, CancelledError, OSError,
)  # fmt: skip
_UNTRUSTED = "its certificate is not trusted: is it valid, for this name, and its authority known (?ca=FILE)?"


class TargetClient:
    """The HTTP client for one target.

    :param address: its address; the option ``ca`` names a PEM file of authorities that replaces the system's.
    """

    def __init__(self, reactor: Any, address: ShipAddress) -> None:
        self._reactor, self._where = reactor, address.authority
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        # The pump retries: it knows whether the same bytes may be sent again.
        self._pool.retryAutomatically = False
        policy = BrowserLikePolicyForHTTPS(_trust(address.options.get("ca", "")))
        self._client = HTTPClient(Agent(reactor, policy, connectTimeout=CONNECT_WITHIN, pool=self._pool))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], within: float = ANSWER_WITHIN) -> Reply:
        """POST a body.

        :param within: time limit in seconds, including the response body.
        :raises Unavailable: if there is no response, or an incomplete one.
        """
        try:
            posted = Deferred.fromCoroutine(self._post(url, body, headers))
            return await posted.addTimeout(within, self._reactor)
        except _TROUBLE as error:
            raise Unavailable(f"{self._where} does not answer: {_reason(error)}") from None

    async def close(self) -> None:
        """Close the client's connections."""
        await self._pool.closeCachedConnections()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        lines: dict[bytes | str, bytes | str] = {"User-Agent": f"ccsproxy/{__version__}"}
        lines.update(headers.items())
        # Not buffered: treq would keep all of a response that never ends.
        response = await self._client.post(url, data=body, headers=lines, allow_redirects=False, unbuffered=True)
        reading = _AnswerBody()
        response.deliverBody(reading)
        kept = await reading.ended
        found = {name.decode("latin-1").lower(): values[-1] for name, values in _lines(response)}
        return Reply(response.code, found, kept)


class _AnswerBody(Protocol):
    """Keeps the first bytes of a response body; the rest is not waited for.

    :ivar ended: fires with these bytes, or fails if the body is incomplete; cancelling it closes the connection.
    """

    transport: Any

    def __init__(self) -> None:
        self._kept = bytearray()
        self.ended: Deferred[bytes] = Deferred(lambda _: self.transport.loseConnection())

    def dataReceived(self, data: bytes) -> None:
        """Keep a piece, or stop when there is enough."""
        self._kept += data[: MOST - len(self._kept)]
        if len(self._kept) >= MOST and not self.ended.called:
            self.ended.callback(bytes(self._kept))
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass on what was received."""
        if self.ended.called:
            return
        # A body without a length ends with its connection: HTTP/1.0 has no other end.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.ended.callback(bytes(self._kept))
        else:
            self.ended.errback(reason)


def _lines(response: Any) -> list[tuple[bytes, list[str]]]:
    return [
        (name, [value.decode("latin-1") for value in values]) for name, values in response.headers.getAllRawHeaders()
    ]


def _reason(error: BaseException) -> str:
    while reasons := getattr(error, "reasons", None):  # of a failed request or response
        error = getattr(reasons[-1], "value", None) or Exception(reasons[-1])
    if isinstance(error, CancelledError | DeferredTimeout):
        return "it took too long"
    if isinstance(error, VerificationError) or "certificate verify failed" in str(error):
        return _UNTRUSTED
    text = str(error).strip().removesuffix(".")
    return (text.splitlines()[0] if text else type(error).__name__)[:200]


def _trust(ca: str) -> Any:
    """Return the trusted authorities: the system's, or those in a file.

    :raises ConfigError: if the file cannot be used.
    """
    if not ca:
        return None
    try:
        pem = Path(ca).expanduser().read_bytes()
        marker = b"-----END CERTIFICATE-----"
        found = [Certificate.loadPEM(part + marker) for part in pem.split(marker)[:-1]]
    except (OSError, ValueError, TlsError) as error:
        raise ConfigError("--ship", f"the file given by ?ca= cannot be used: {error}") from None
    if not found:
        raise ConfigError("--ship", f"there is no certificate in {ca}")
    return trustRootFromCertificates(found)
