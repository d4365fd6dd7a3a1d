"""The address of a shipping target, as given by ``--ship``: a URL without secrets."""

import ipaddress
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import attr

#: Kinds of targets that are HTTP services, and those that store objects.
SPOKEN, STORED = ("jsonl", "clickhouse", "otlp"), ("file", "s3", "gs", "az")
CONTENT = ("full", "metadata")

_OF_SPOKEN = frozenset({"content", "ca"})
_OF_CLOUD = frozenset({"content", "endpoint", "region"})
_OPTIONS = {
    "jsonl": _OF_SPOKEN,
    "otlp": _OF_SPOKEN,
    "clickhouse": _OF_SPOKEN | {"cluster", "ttl_days", "bodies"},
    "file": frozenset({"content"}),
    "s3": _OF_CLOUD,
    "gs": _OF_CLOUD,
    "az": _OF_CLOUD,
}


@attr.frozen
class ShipAddress:
    """The address of a shipping target.

    :ivar kind: one of `SPOKEN` or `STORED`.
    :ivar scheme: ``https``, ``http``, or the kind itself for object storage.
    :ivar host: host name, or the name of the bucket; empty for files.
    :ivar port: TCP port, 0 if there is none.
    :ivar path: the rest, without a trailing slash: a path, a database, a prefix.
    :ivar user: the login name, empty for none; never with a password.
    :ivar options: the query parameters.
    """

    kind: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    user: str = ""
    options: dict[str, str] = attr.field(factory=dict)

    @property
    def authority(self) -> str:
        """Host and port; the port only if it is not the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}.get(self.scheme, 0)
        return host if self.port in (0, usual) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL for requests, without user and options."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def name(self) -> str:
        """The target's name in health, log and state; it contains no secrets and no options."""
        kind = f"{self.kind}+{self.scheme}" if self.kind in SPOKEN else self.kind
        user = f"{self.user}@" if self.user else ""
        return f"{kind}://{user}{self.authority}{self.path}"

    def __str__(self) -> str:
        path = quote(self.path) if self.kind in STORED else self.path
        named = attr.evolve(self, user=quote(self.user), path=path).name
        return f"{named}?{urlencode(self.options)}" if self.options else named


def ship_address(text: str) -> ShipAddress:
    """Parse the URL of a target.

    :raises ValueError: saying what is wrong and what would be right.
    """
    if text != text.strip() or not text.isprintable() or " " in text:
        raise ValueError("a URL contains no spaces or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port or 0
    except ValueError:
        raise ValueError("that is not a URL; expected something like clickhouse+https://USER@HOST/DB") from None
    kind, _, transport = parts.scheme.partition("+")
    if parts.password is not None:
        raise ValueError("a URL with a password is refused, as others could read it; see --ship-credentials")
    if parts.fragment:
        raise ValueError("a fragment cannot be part of a target; remove it")
    if kind in SPOKEN and transport in ("https", "http"):
        return _spoken(kind, transport, parts, port)
    if kind in STORED and not transport:
        return _stored(kind, parts)
    raise ValueError(
        "expected a URL that begins with jsonl+https:, clickhouse+https:, otlp+https:, s3:, gs:, az: or file:"
    )


def _spoken(kind: str, scheme: str, split: SplitResult, port: int) -> ShipAddress:
    host = split.hostname or ""
    if not host:
        raise ValueError(f"there is no host in it; expected {kind}+{scheme}://HOST/PATH")
    if scheme == "http" and not is_loopback(host):
        raise ValueError(f"without TLS only a target on this machine is allowed; write {kind}+https://")
    return ShipAddress(
        kind, scheme, host.lower(), port or (443 if scheme == "https" else 80), split.path.rstrip("/"),
        unquote(split.username or ""), _options(kind, split.query),
    )  # fmt: skip


def _stored(kind: str, split: SplitResult) -> ShipAddress:
    path = unquote(split.path).rstrip("/")
    options = _options(kind, split.query)
    if kind == "file":
        if split.netloc or not path.startswith("/"):
            raise ValueError("expected file:/// and the absolute path of a directory, such as file:///srv/calls")
        return ShipAddress(kind, kind, path=path, options=options)
    if not split.netloc or "@" in split.netloc or ":" in split.netloc:
        raise ValueError(f"expected {kind}://BUCKET/PREFIX")
    endpoint = urlsplit(options.get("endpoint", "https://"))
    if endpoint.scheme != "https" and not (endpoint.scheme == "http" and is_loopback(endpoint.hostname or "")):
        raise ValueError("the endpoint must be https://HOST; without TLS only a target on this machine is allowed")
    return ShipAddress(kind, kind, split.netloc, path=path, options=options)


def _options(kind: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS[kind]:
            raise ValueError(
                f"{name!r} is not an option of {kind}, whose options are {', '.join(sorted(_OPTIONS[kind]))}"
            )
    if options.get("content", CONTENT[0]) not in CONTENT:
        raise ValueError("content must be full or metadata")
    if not options.get("ttl_days", "1").isdigit():
        raise ValueError("ttl_days must be a whole number of days")
    return options


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
