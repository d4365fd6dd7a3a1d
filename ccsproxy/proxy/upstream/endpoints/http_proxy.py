"""Which corporate proxy, if any, an upstream is reached through: the option first, then the environment."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import attr

from ccsproxy.config.model import Upstream

#: Schemes of proxy URLs, and the protocol of each. `socks5` and `socks5h` are the same: names always go to the proxy.
_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5", "socks": "socks5"}
_PORTS = {"http": 80, "https": 443, "socks5": 1080}
#: Remedy for a proxy that cannot be used.
REMEDY = "; or set --upstream-proxy none to go without"


class ProxySettingError(ValueError):
    """A proxy URL cannot be used; the message says why, without the URL's login."""


@attr.frozen
class CorporateProxy:
    """A proxy between us and the upstreams.

    An HTTP proxy gets CONNECT for https upstreams, and absolute-form requests for http ones, as from every client:
    many proxies allow CONNECT to port 443 only.

    :ivar host: name or address, without brackets.
    :ivar port: TCP port.
    :ivar authorization: the value of ``Proxy-Authorization``; kept out of every representation.
    :ivar scheme: the protocol towards the proxy itself: ``http``, ``https`` or ``socks5``.
    :ivar login: user and password, for SOCKS.
    """

    host: str
    port: int
    authorization: bytes | None = attr.field(default=None, repr=False)
    scheme: str = "http"
    login: tuple[str, str] | None = attr.field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.scheme == "socks5"


def proxy_for(upstream: Upstream, option: str | None, environ: Mapping[str, str]) -> CorporateProxy | None:
    """Choose the proxy for an upstream.

    :param option: the value of ``--upstream-proxy``: a URL, ``none``, or None if it is not given.
    :param environ: the process environment; ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are read, lower case
    first as in curl.
    :return: None for a direct connection, which loopback upstreams always get.
    :raises ProxySettingError: if the URL cannot be used.
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
    """Tell whether a host is this machine, judging by its name or address alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def parse_proxy(url: str, source: str) -> CorporateProxy:
    """Parse a proxy's URL.

    :param source: the option or variable it comes from, for the message.
    :raises ProxySettingError: if it is not the URL of a supported kind of proxy.
    """
    shape = f"{source} must be http://[user:password@]host[:port], or the same with https:// or socks5://{REMEDY}"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxySettingError(shape) from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None and parts.scheme.startswith("socks"):
        raise ProxySettingError(f"{source} names a SOCKS proxy of an unsupported version; use socks5://{REMEDY}")
    if scheme is None or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ProxySettingError(shape)
    login = _login(parts.username, parts.password)
    if scheme == "socks5":
        return CorporateProxy(host, port or _PORTS[scheme], scheme=scheme, login=login)
    return CorporateProxy(host, port or _PORTS[scheme], _authorization(login), scheme)


def _login(user: str | None, password: str | None) -> tuple[str, str] | None:
    return None if user is None else (unquote(user), unquote(password or ""))


def _authorization(login: tuple[str, str] | None) -> bytes | None:
    return None if login is None else b"Basic " + base64.b64encode(":".join(login).encode())


def excluded(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether ``NO_PROXY`` covers a host: by its name, a parent domain, its address block, or ``*``.

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
