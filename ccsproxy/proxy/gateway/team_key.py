"""The team's own key for an upstream, which replaces the credentials in clients' requests."""

from pathlib import Path

from twisted.logger import Logger

from ccsproxy.config.keys import read_upstream_key
from ccsproxy.errors import ConfigError
from ccsproxy.wire.credentials import with_credential, without_key


class TeamKey:
    """A key read from its file, at the start and on reload; it appears in no record, log or command line."""

    _log = Logger()

    def __init__(self, path: Path, provider: str) -> None:
        """Read the file.

        :param provider: whose key it is, for the choice of header field.
        :raises ConfigError: if it cannot be used.
        """
        self._path, self._provider = path, provider
        self._key = read_upstream_key(path, provider)

    def put(self, lines: bytes, target: bytes) -> tuple[bytes, bytes]:
        """Return header lines and target of a request with this key, and without the client's credentials."""
        return with_credential(lines, self._key.line), without_key(target)

    def reload(self) -> None:
        """Read the file again; if it is invalid, keep the current key."""
        try:
            self._key = read_upstream_key(self._path, self._provider)
        except ConfigError as error:
            self._log.error("an upstream key was not reloaded, the previous one stays in use: {error}", error=error)
