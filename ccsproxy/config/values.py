"""Readers for the values of settings: sizes, durations, ports, URLs. Each raises ValueError naming what is right."""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ccsproxy.config.model import Upstream
from ccsproxy.providers.price_book import read_prices
from ccsproxy.providers.registry import upstream_name, upstream_provider
from ccsproxy.wire.target import BadTarget, parse_authority

_SIZE = re.compile(r"\A([0-9]+)\s*([KMG]?)(?:i?B)?\Z", re.IGNORECASE)
_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: A label value that is taken from a header field of each call.
_OF_CALLER = re.compile(r"@header:[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LABEL = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_HOST = re.compile(r"\A[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?\Z")
_PATH = re.compile(r"\A(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*\Z")


def size(text: str) -> int:
    """Parse a size in bytes such as ``64M``."""
    match = _SIZE.match(text.strip())
    if match is None:
        raise ValueError("expected a number of bytes, optionally followed by K, M or G, such as 64M")
    return int(match[1]) * _FACTOR[match[2].upper()]


def seconds(text: str) -> float:
    """Parse a duration in seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError("expected a number of seconds, 0 or more")
    return value


def number(text: str) -> float:
    """Parse a number, 0 or more."""
    try:
        return seconds(text)
    except ValueError:
        raise ValueError("expected a number, 0 or more") from None


def port(text: str) -> int:
    """Parse a TCP port; 0 lets the system choose."""
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 65535:
        raise ValueError("expected a port number from 0 to 65535")
    return int(text)


def workers(text: str) -> int:
    """Parse a number of processes, at least one."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= 64:
        raise ValueError("expected a number of processes from 1 to 64")
    return int(text)


def connections(text: str) -> int:
    """Parse a number of connections, at least one."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:8]) <= 1_000_000:
        raise ValueError("expected a number of connections from 1 to 1000000")
    return int(text)


def path(text: str) -> Path:
    """Parse a file or directory name, expanding ``~``."""
    if not text or "\0" in text:
        raise ValueError("expected the name of a file or directory")
    return Path(text).expanduser()


def named_file(text: str) -> tuple[str, Path]:
    """Parse a named file: ``NAME=FILE``."""
    name, equals, file = text.partition("=")
    if not equals or not _NAME.match(name):
        raise ValueError("expected NAME=FILE, with the NAME of an upstream")
    return name, path(file)


def host_name(text: str) -> str:
    """Parse a host name or address for ``--allow-host``, without a port."""
    bare = text.strip().lower()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    if not (_HOST.match(bare) or _is_ipv6(bare)):
        raise ValueError("expected a host name or address without scheme and port, such as proxy.example")
    return bare


def origin(text: str) -> str:
    """Parse one exact web origin, such as ``http://localhost:3000``."""
    parts = urlsplit(text)
    if text == "*" or parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("expected one exact origin such as http://localhost:3000 ('*' is refused)")
    if "@" in parts.netloc or parts.path or parts.query or parts.fragment or text != text.strip():
        raise ValueError("expected an origin without user, path or query, such as http://localhost:3000")
    return text.lower()


def one_of(*words: str) -> "Choice":
    """Return a parser that accepts one of several words."""
    return Choice(words)


class Choice:
    """Parses one of a fixed set of words."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        """Return the word, or raise ValueError naming them all."""
        if text not in self.words:
            raise ValueError(f"expected one of {', '.join(self.words)}")
        return text


#: Supported schemes of corporate proxy URLs.
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def corporate_proxy(text: str) -> str:
    """Parse ``--upstream-proxy``: ``none`` or a proxy's URL, which may contain user and password."""
    if text == "none":
        return text
    parts = _split(text)
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("expected none, or a URL such as http://proxy.example:3128 or socks5://127.0.0.1:1080")
    return text


def upstream(text: str) -> Upstream:
    """Parse ``[NAME=]URL``. The name defaults to the host's best-known name, else the host."""
    name, equals, url = text.partition("=")
    if not equals or "/" in name or ":" in name:
        name, url = "", text
    parts = _split(url)
    _check_url(parts, url)
    host = str(parts.hostname).lower()
    scheme = parts.scheme.lower()
    if name and not _NAME.match(name):
        raise ValueError(f"the name {name!r} may contain letters, digits, '.', '_' and '-' only; write NAME=URL")
    return Upstream(
        name=name or upstream_name(host, parts.port),
        scheme=scheme,
        host=host,
        port=parts.port or (443 if scheme == "https" else 80),
        base_path=parts.path.rstrip("/"),
        provider=upstream_provider(host, parts.port),
    )


def label(text: str) -> tuple[str, str]:
    """Parse a label, ``KEY=VALUE``.

    :raises ValueError: if it is invalid.
    """
    key, equals, value = text.partition("=")
    if not equals or not _LABEL.match(key):
        raise ValueError(
            "a label is KEY=VALUE; the key contains letters, digits, '.', '_' and '-', as in team=search"
        )
    if len(value) > 256 or not value.isprintable():
        raise ValueError("a label's value is at most 256 printable characters")
    if value.startswith("@") and value != "@key" and not _OF_CALLER.fullmatch(value):
        raise ValueError("a value taken from each call is @header:NAME or @key")
    return key, value


def prices(text: str) -> Path:
    """Parse the path of the user's price file, which must be valid.

    :raises ValueError: naming what is wrong with the file.
    """
    found = path(text)
    read_prices(found)
    return found


def own_pattern(text: str) -> str:
    """Parse a regular expression for secrets, or for what is not a secret.

    :raises ValueError: naming what is wrong with it.
    """
    # Imported here, because the rules take a tenth of a second to load, and only the recorder needs them.
    from ccsproxy.redaction.search.rules import own_pattern as compiled

    try:
        compiled(text)
    except ValueError as reason:
        raise ValueError(f"not a usable regular expression: {reason}") from None
    return text


def _check_url(parts: "SplitURL", url: str) -> None:
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("the scheme must be http or https, as in https://api.anthropic.com")
    if "@" in parts.netloc:
        raise ValueError("a URL with user or password is refused; the client sends its own credentials")
    if not parts.hostname or not (_HOST.match(parts.hostname) or _is_ipv6(parts.hostname)):
        raise ValueError("it contains no valid host name; expected something like https://api.anthropic.com")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("a query or fragment cannot be part of an upstream; remove it")
    if not _PATH.match(parts.path):
        raise ValueError("the path contains characters that cannot be sent; percent-encode them")


class SplitURL:
    """The parts of a URL, with the port validated."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.scheme, self.netloc, self.path = parts.scheme, parts.netloc, parts.path
        self.query, self.fragment = parts.query, parts.fragment
        self.hostname, self.port = parts.hostname, parts.port


def _split(url: str) -> SplitURL:
    if url != url.strip() or not url.isascii() or not url.isprintable():
        raise ValueError("a URL contains no spaces, control or non-ASCII characters")
    try:
        parts = SplitURL(url)
    except ValueError:
        raise ValueError("that is not a URL; expected something like https://api.anthropic.com") from None
    if parts.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return parts


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ipaddress.ip_address(text), ipaddress.IPv6Address)
    except ValueError:
        return False


def on_off(text: str) -> bool:
    """Read ``on`` or ``off``."""
    if text not in ("on", "off"):
        raise ValueError("expected on or off")
    return text == "on"


def intercepted(text: str) -> str:
    """Read a host to intercept, with + or - before it to add it to the known ones or to leave it out."""
    try:
        parse_authority(text.removeprefix("+").removeprefix("-").encode("ascii"))
    except (BadTarget, UnicodeEncodeError):
        raise ValueError("expected a host name such as +llm.example.com or -api.openai.com") from None
    return text.lower()


def written(value: Any) -> str:
    """Write a value as people give it: sizes with their factor, switches as on or off, ``-`` for none.

    :param value: a setting's value, as its reader made it.
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == ():
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int) and value and not value % (1 << 20):
        return f"{value >> 30}G" if not value % (1 << 30) else f"{value >> 20}M"
    return str(value)
