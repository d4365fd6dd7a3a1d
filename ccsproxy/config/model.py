"""The configuration as one frozen value, wherever it came from."""

from pathlib import Path
from typing import Any

import attr

from ccsproxy.config.keeping import Keeping
from ccsproxy.config.shipping import ShipAddress
from ccsproxy.insight.cost.budget import Budget


@attr.frozen
class Upstream:
    """One LLM API server that requests may be relayed to.

    :ivar name: selects it as the first path segment, and identifies it in records.
    :ivar scheme: ``http`` or ``https``.
    :ivar host: host name or address, lower case, without brackets.
    :ivar port: TCP port.
    :ivar base_path: prefix of every target, without a trailing slash; usually empty.
    :ivar provider: its provider, empty if unknown.
    :ivar listen: endpoint strings of dedicated listeners.
    """

    name: str
    scheme: str
    host: str
    port: int
    base_path: str = ""
    provider: str = ""
    listen: tuple[str, ...] = ()

    @property
    def default_port(self) -> bool:
        """Whether the port is the scheme's default and so omitted from ``Host`` and URL."""
        return self.port == (443 if self.scheme == "https" else 80)

    @property
    def authority(self) -> str:
        """The value of ``Host``: the host, and the port unless it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.default_port else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The upstream's URL, for people and for ``run.json``."""
        return f"{self.scheme}://{self.authority}{self.base_path}"


@attr.frozen
class Config(Keeping):
    """All settings with their defaults. Sizes are in bytes, times in seconds."""

    upstreams: tuple[Upstream, ...]
    provider: str = "auto"
    proxy_port: int = 8787
    api_port: int = 8788
    listen: tuple[str, ...] = ()
    api_listen: tuple[str, ...] = ()
    no_api: bool = False
    data_dir: Path = attr.field(factory=lambda: Path("~/.ccsproxy").expanduser())
    capture: str = "full"
    cors_allow: str | None = None
    allow_hosts: tuple[str, ...] = ()
    api_token_file: Path | None = None
    max_request_body: int = 64 << 20
    connect_timeout: float = 10.0
    first_byte_timeout: float = 600.0
    idle_timeout: float = 300.0
    upstream_keepalive: float = 90.0
    max_connections: int = 4096
    drain_timeout: float = 30.0
    upstream_ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    upstream_proxy: str | None = None
    client_keys: Path | None = None
    upstream_key_files: tuple[tuple[str, Path], ...] = ()
    workers: int = 1
    prices: Path | None = None
    redact_patterns: tuple[str, ...] = ()
    keep_patterns: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    forward: bool | None = None
    intercept: tuple[str, ...] = ()
    websocket: bool = True
    api_users: str = "same"
    budgets: tuple[Budget, ...] = ()
    budget_action: str = "warn"
    replay: bool = False
    ship: tuple[ShipAddress, ...] = ()
    ship_content: str = "full"
    ship_credentials: Path | None = None

    @property
    def forwards(self) -> bool:
        """Whether the proxy port is also a forward proxy: as configured, by default only if it is on loopback."""
        if self.forward is not None:
            return self.forward
        # With client keys, callers without a known credential are refused, and forwarded requests carry none.
        return self.client_keys is None and all(_is_local(endpoint) for endpoint in self.listen)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the proxy's ports."""
        own = [endpoint for one in self.upstreams for endpoint in one.listen]
        return all(_is_local(endpoint) for endpoint in (*self.listen, *own))

    @property
    def credentials_path(self) -> Path:
        """The file with the credentials for shipping targets."""
        return self.ship_credentials or Path(self.data_dir) / "ship-credentials.toml"

    @property
    def token_path(self) -> Path:
        """The file with the API token."""
        return self.api_token_file or Path(self.data_dir) / "api-token"


def default_of(field: str) -> Any:
    """Return the default of a setting, for code that works without a `Config`: defaults are defined only there."""
    return attr.fields_dict(Config)[field].default


#: Endpoints on loopback, as far as their text tells; clients are checked by their sockets anyway.
_LOCAL_INTERFACES = ("interface=127.", "interface=\\:\\:1", "interface=localhost")


def _is_local(endpoint: str) -> bool:
    kind = endpoint.partition(":")[0]
    return kind in ("unix", "systemd") or any(each in endpoint for each in _LOCAL_INTERFACES)
