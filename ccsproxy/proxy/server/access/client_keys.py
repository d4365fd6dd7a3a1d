"""Who may call a gateway: callers with a known credential, each under a name; others get 401 in the format of the
API.
"""

from __future__ import annotations

import hmac
from pathlib import Path

import msgspec
from twisted.logger import Logger

from ccsproxy.config.keys import digest_of, read_client_keys
from ccsproxy.errors import ConfigError
from ccsproxy.proxy.refusal import Refusal
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.wire.credentials import credentials

_SENTENCE = "The gateway does not know this credential; ask its operator for a key of your own."


class Unauthorized(Refusal):
    """A caller with an unknown credential.

    :ivar body: the response body, in the format of the API that was called.
    """

    def __init__(self, provider: str) -> None:
        super().__init__(401, "unknown_client", _SENTENCE)
        self.body = msgspec.json.encode(_answer(provider))


class ClientKeys:
    """The callers in the client key file, read again on `reload`."""

    _log = Logger()

    def __init__(self, path: Path) -> None:
        """Read the file.

        :raises ConfigError: if the file cannot be used.
        """
        self._path = path
        self._people = _by_digest(path)

    def reload(self) -> None:
        """Read the file again; if it is invalid, keep the current callers."""
        try:
            self._people = _by_digest(self._path)
        except ConfigError as error:
            self._log.error("the client keys were not reloaded, the previous ones stay in use: {error}", error=error)

    def person(self, head: ParsedRequestHead, provider: str) -> str:
        """Return the name of the caller.

        :param provider: whose API is called, for the format of a refusal.
        :raises Unauthorized: if no credential of the request is known.
        """
        for credential in credentials(head.lines, head.target):
            digest = digest_of(credential)
            # Looked up by digest: the timing reveals at most something about the digest, nothing about the keys. The
            # entry found is then compared in constant time.
            person, known = self._people.get(digest, ("", b""))
            if hmac.compare_digest(known, digest):
                return person
        raise Unauthorized(provider or _of_target(head.target))


def _by_digest(path: Path) -> dict[bytes, tuple[str, bytes]]:
    return {digest: (person, digest) for digest, person in read_client_keys(path).items()}


def _of_target(target: bytes) -> str:
    """Guess from the path whose API is called."""
    if b"/v1/messages" in target:
        return "anthropic"
    return "google" if b":generateContent" in target or b":streamGenerateContent" in target else ""


def _answer(provider: str) -> object:
    """Build the error body in the provider's format, so that its clients show the sentence and do not retry."""
    if provider == "anthropic":
        return {"type": "error", "error": {"type": "authentication_error", "message": _SENTENCE}}
    if provider in ("google", "vertex"):
        return {"error": {"code": 401, "message": _SENTENCE, "status": "UNAUTHENTICATED"}}
    if provider in ("bedrock", "cohere"):
        return {"message": _SENTENCE}
    if provider == "ollama":
        return {"error": _SENTENCE}
    return {
        "error": {"message": _SENTENCE, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
    }
