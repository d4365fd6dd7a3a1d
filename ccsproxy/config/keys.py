"""Key files: the credentials of clients, and the team's own keys for upstreams.

Neither is ever part of the configuration, which is written to files and sent to other processes: it has only their
paths.
"""

import re
from hashlib import sha256
from pathlib import Path

import attr

from ccsproxy.config.private_file import read_private
from ccsproxy.errors import ConfigError

#: A line of the client key file: the caller's name, and the SHA-256 of the credential.
_CLIENT = re.compile(r"(?P<person>[^\s#][^\s]{0,99})\s+sha256:(?P<digest>[0-9a-f]{64})\s*")
#: A header line, for a key with its own field.
_FIELD = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e][\x20-\x7e]*)")
_BARE = re.compile(r"[\x21-\x7e]+")
#: The field in which each provider expects its key; for all others ``Authorization``, as ``Bearer``.
_FIELDS = {
    "anthropic": "x-api-key",
    "google": "x-goog-api-key",
    "azure": "api-key",
}


@attr.frozen(repr=False)
class UpstreamKey:
    """The key for one upstream, as a header line; its representation reveals nothing of it.

    :ivar secret: the key alone, for keeping it out of records.
    """

    line: bytes
    secret: str

    def __repr__(self) -> str:
        return "<UpstreamKey>"


def read_upstream_key(path: Path, provider: str = "") -> UpstreamKey:
    """Read an upstream key file: the key, or a whole header line such as ``Authorization: Bearer ...``.

    :param provider: whose key it is, for the choice of field.
    :raises ConfigError: if the file cannot be used.
    """
    text = _private(path, "--upstream-key-file").strip()
    field = _FIELD.fullmatch(text)
    if field is not None and not _BARE.fullmatch(text):
        return UpstreamKey(f"{field[1]}: {field[2]}\r\n".encode(), field[2].removeprefix("Bearer ").strip())
    if not _BARE.fullmatch(text):
        raise ConfigError("--upstream-key-file", f"{path} must contain one key, or one line NAME: VALUE")
    name = _FIELDS.get(provider)
    line = f"{name}: {text}\r\n" if name else f"Authorization: Bearer {text}\r\n"
    return UpstreamKey(line.encode(), text)


def read_client_keys(path: Path) -> dict[bytes, str]:
    """Read the client key file: a line ``NAME sha256:HEX`` per credential; one name may have several.

    :return: names by digest.
    :raises ConfigError: if the file cannot be used; the message has the number of an invalid line, never its content.
    """
    found: dict[bytes, str] = {}
    for number, line in enumerate(_private(path, "--client-keys").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _CLIENT.fullmatch(line.strip())
        if match is None:
            raise ConfigError("--client-keys", f"line {number} of {path} is not NAME sha256:64 hexadecimal digits")
        found[bytes.fromhex(match["digest"])] = match["person"]
    return found


def digest_of(credential: bytes) -> bytes:
    """Return a credential's digest, as in the client key file.

    Keys are random and long, so a plain hash keeps them secret; passwords would need a slow one.
    """
    return sha256(credential).digest()


def _private(path: Path, key: str) -> str:
    try:
        return read_private(path).decode("utf-8")
    except OSError as error:
        raise ConfigError(key, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(key, f"{path} is not UTF-8 text") from None
