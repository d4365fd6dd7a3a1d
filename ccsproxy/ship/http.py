"""HTTP towards targets: stock treq over a persistent pool of connections, and what an answer means for a batch."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import attr
from OpenSSL.SSL import Error as TlsError
from treq import collect
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseFailed

from ccsproxy import __version__
from ccsproxy.config.shipping import ShipAddress
from ccsproxy.errors import ConfigError
from ccsproxy.ship.target import Rejected, Unavailable

#: Seconds for a connection, and for a whole answer: more than servers take for a batch, so that nothing is sent
#: again which is still being worked on.
CONNECT_WITHIN, ANSWER_WITHIN = 10.0, 120.0
#: How much of an answer is read, in bytes, where nobody asks for more.
MOST = 1 << 20
#: Statuses that mean "this batch, never": everything else that is no success may become one.
_NEVER = frozenset({400, 413, 415, 422})
_TROUBLE = (
    ConnectError, ConnectionClosed, DNSLookupError, TwistedTimeout, TlsError, ResponseFailed, CancelledError, OSError,
)  # fmt: skip


@attr.frozen
class Reply:
    """What a target answered.

    :ivar headers: by lower-case name.
    :ivar body: its first bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to be left alone, null when it says nothing of it."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0) if text else None
        except (ValueError, OverflowError):
            return None


class HttpDoor:
    """The way to one target.

    :param address: where it is; its option ``ca`` names a PEM file of authorities instead of the system's.
    """

    def __init__(self, reactor: Any, address: ShipAddress) -> None:
        self._where = address.authority
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        # Repeats are the pump's: it knows whether the same bytes may go again.
        self._pool.retryAutomatically = False
        policy = BrowserLikePolicyForHTTPS(_trust(address.options.get("ca", "")))
        self._client = HTTPClient(Agent(reactor, policy, connectTimeout=CONNECT_WITHIN, pool=self._pool))

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], within: float = ANSWER_WITHIN, most: int = MOST
    ) -> Reply:
        """POST something.

        :param within: seconds for all of it.
        :param most: bytes of the answer that are kept.
        :raises Unavailable: when there is no answer.
        """
        lines: dict[bytes | str, bytes | str] = {"User-Agent": f"ccsproxy/{__version__}"}
        lines.update(headers.items())
        try:
            response = await self._client.post(url, data=body, headers=lines, timeout=within)
            kept = bytearray()

            def take(piece: bytes) -> None:
                if len(kept) < most:
                    kept.extend(piece[: most - len(kept)])

            await collect(response, take)
        except _TROUBLE as error:
            raise Unavailable(f"{self._where} does not answer: {_reason(error)}") from None
        found = {name.decode("latin-1").lower(): values[-1] for name, values in _lines(response)}
        return Reply(response.code, found, bytes(kept))

    async def close(self) -> None:
        """Close the connections of the client."""
        await self._pool.closeCachedConnections()


def judge(reply: Reply, what: str = "it") -> None:
    """Say what an answer means for the batch it is for.

    The answer's body is not repeated: a server may quote in it what it was sent.

    :param what: names the target in the sentence.
    :raises Rejected: when the batch will never be taken.
    :raises Unavailable: when it may be.
    """
    status = reply.status
    if 200 <= status < 300:
        return
    if status in _NEVER:
        raise Rejected(f"{what} answered {status}")
    hint = {401: "; see --ship-credentials", 403: "; see --ship-credentials", 404: "; is the path right?"}
    raise Unavailable(f"{what} answered {status}{hint.get(status, '')}", reply.retry_after)


def _lines(response: Any) -> list[tuple[bytes, list[str]]]:
    return [
        (name, [value.decode("latin-1") for value in values]) for name, values in response.headers.getAllRawHeaders()
    ]


def _reason(error: BaseException) -> str:
    if isinstance(error, ResponseFailed):
        error = getattr(error.reasons[0], "value", error) if error.reasons else error
    if isinstance(error, CancelledError):
        return "it took too long"
    text = str(error).strip().removesuffix(".")
    return (text.splitlines()[0] if text else type(error).__name__)[:200]


def _trust(ca: str) -> Any:
    """Return who vouches for targets: the system's authorities, or those of a file.

    :raises ConfigError: when the file cannot be used.
    """
    if not ca:
        return None
    try:
        pem = Path(ca).expanduser().read_bytes()
        marker = b"-----END CERTIFICATE-----"
        found = [Certificate.loadPEM(part + marker) for part in pem.split(marker)[:-1]]
    except (OSError, ValueError, TlsError) as error:
        raise ConfigError("--ship", f"the file of ?ca= cannot be used: {error}") from None
    if not found:
        raise ConfigError("--ship", f"there is no certificate in {ca}")
    return trustRootFromCertificates(found)
