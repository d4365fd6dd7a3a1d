"""Whether an upstream is reached through a corporate proxy, and through which: option first, environment second."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

import attr

from ccsproxy.config.model import Upstream


class ProxySettingError(ValueError):
    """A proxy URL cannot be used; says why, without the URL's login."""


@attr.frozen
class CorporateProxy:
    """A proxy that is asked with CONNECT.

    :ivar host: name or address, without brackets.
    :ivar port: TCP port.
    :ivar authorization: the value of ``Proxy-Authorization``; kept out of every representation.
    """

    host: str
    port: int
    authorization: bytes | None = attr.field(default=None, repr=False)


def proxy_for(upstream: Upstream, option: str | None, environ: Mapping[str, str]) -> CorporateProxy | None:
    """Choose the proxy for an upstream.

    :param option: what ``--upstream-proxy`` says: a URL, ``none``, or None when it is not given.
    :param environ: the process environment, of which ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` count, in lower
        case first as curl reads them.
    :return: None for a direct connection, which loopback upstreams always get.
    :raises ProxySettingError: when the URL cannot be used.
    """
    if is_loopback(upstream.host) or option == "none":
        return None
    if option:
        return parse_proxy(option, "--upstream-proxy")
    name = f"{upstream.scheme}_proxy"
    variable = next((key for key in (name, name.upper()) if environ.get(key)), None)
    if variable is None or excluded(upstream.host, upstream.port, _no_proxy(environ)):
        return None
    return parse_proxy(environ[variable], variable)


def _no_proxy(environ: Mapping[str, str]) -> str:
    return environ.get("no_proxy") or environ.get("NO_PROXY") or ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def parse_proxy(url: str, source: str) -> CorporateProxy:
    """Read a proxy's URL.

    :param source: the option or variable it came from, for the message.
    :raises ProxySettingError: when it is not ``http://[user:password@]host[:port]``.
    """
    shape = f"{source} must be http://[user:password@]host[:port]"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxySettingError(shape) from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ProxySettingError(shape)
    return CorporateProxy(host, port or 80, _authorization(parts.username, parts.password))


def _authorization(user: str | None, password: str | None) -> bytes | None:
    if user is None:
        return None
    login = unquote_to_bytes(user) + b":" + unquote_to_bytes(password or "")
    return b"Basic " + base64.b64encode(login)


def excluded(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether ``NO_PROXY`` names a host: by itself, a domain above it, its address block, or ``*``.

    :param no_proxy: names separated by commas or spaces; each may end with a port.
    """
    return any(_matches(host, port, entry) for entry in no_proxy.lower().replace(",", " ").split())


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").removeprefix(".")
    return bool(entry) and (host == entry or host.endswith("." + entry) or _in_block(host, entry))


def _in_block(host: str, block: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False
