"""Who may call a gateway: those whose credential is known, each by a name; others get 401 in the API's own shape."""

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

_SENTENCE = "This credential is not known to the gateway; ask whoever runs it for a key of your own."


class Unauthorized(Refusal):
    """A caller whose credential is not known.

    :ivar body: the answer, as the API that was called would write it.
    """

    def __init__(self, provider: str) -> None:
        super().__init__(401, "unknown_client", _SENTENCE)
        self.body = msgspec.json.encode(_answer(provider))


class ClientKeys:
    """The file of those who may call, read again when it is told to."""

    _log = Logger()

    def __init__(self, path: Path) -> None:
        """Read the file.

        :raises ConfigError: when it cannot be used.
        """
        self._path = path
        self._people = _by_digest(path)

    def reload(self) -> None:
        """Read the file again; with a mistake in it all stays as it was."""
        try:
            self._people = _by_digest(self._path)
        except ConfigError as error:
            self._log.error("who may call stays as it was: {error}", error=error)

    def person(self, head: ParsedRequestHead, provider: str) -> str:
        """Return who calls.

        :param provider: whose API is called, for the shape of a refusal.
        :raises Unauthorized: when nobody is known by what the request shows.
        """
        for credential in credentials(head.lines, head.target):
            digest = digest_of(credential)
            # Looked up by digest: how long that takes tells of the digest at most, and nothing of the keys that have
            # such digests. The one that is found is compared in constant time.
            person, known = self._people.get(digest, ("", b""))
            if hmac.compare_digest(known, digest):
                return person
        raise Unauthorized(provider or _of_target(head.target))


def _by_digest(path: Path) -> dict[bytes, tuple[str, bytes]]:
    return {digest: (person, digest) for digest, person in read_client_keys(path).items()}


def _of_target(target: bytes) -> str:
    """Guess whose API is called by a path."""
    if b"/v1/messages" in target:
        return "anthropic"
    return "google" if b":generateContent" in target or b":streamGenerateContent" in target else ""


def _answer(provider: str) -> object:
    """Write the refusal as a provider does, so that its clients show the sentence and do not try again."""
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
