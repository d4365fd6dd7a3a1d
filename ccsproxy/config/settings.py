"""The table of settings: name, reader, default and help of each. Command line, TOML file and docs use it."""

from ccsproxy.config import values
from ccsproxy.config.setting import Setting
from ccsproxy.config.shipping import CONTENT, ship_address
from ccsproxy.insight.cost.budget import parse_budget

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "upstream",
        values.upstream,
        "[NAME=]URL",
        "An LLM API to relay to; repeatable, the first is the default upstream.",
        field="upstreams",
        default="required",
        many=True,
    ),
    Setting(
        "provider",
        values.one_of("auto", "claude", "codex"),
        "FAMILY",
        "Force a dialect family: auto, claude or codex; auto reads it from each exchange.",
    ),
    Setting("proxy-port", values.port, "N", "TCP port of the proxy, on loopback; 0 = any free port."),
    Setting("api-port", values.port, "N", "TCP port of API and dashboard, on loopback; 0 = any free port."),
    Setting(
        "listen",
        str,
        "ENDPOINT",
        "Twisted endpoint string for the proxy, instead of --proxy-port; systemd: is supported; repeatable.",
        many=True,
    ),
    Setting(
        "api-listen",
        str,
        "ENDPOINT",
        "Twisted endpoint string for the API, instead of --api-port; repeatable.",
        many=True,
    ),
    Setting("no-api", None, "", "Run without API and dashboard."),
    Setting("data-dir", values.path, "DIR", "Where records are kept; created with mode 0700.", default="~/.ccsproxy"),
    Setting(
        "capture",
        values.one_of("full", "metadata", "off"),
        "LEVEL",
        "How much of an exchange is kept: full, metadata (no bodies) or off.",
    ),
    Setting(
        "no-redact",
        None,
        "",
        "Keep secrets in the records (dangerous; reported in health).",
        field="redact",
        default="off",
    ),
    Setting("cors-allow", values.origin, "ORIGIN", "The one web origin that may read the API.", default="none"),
    Setting(
        "allow-host",
        values.host_name,
        "NAME",
        "A further Host value that proxy and API accept; repeatable.",
        field="allow_hosts",
        default="loopback names",
        many=True,
    ),
    Setting(
        "api-token-file",
        values.path,
        "FILE",
        "File with the token that the API requires when it listens beyond loopback.",
        default="made in the data dir",
    ),
    Setting(
        "max-request-body",
        values.size,
        "BYTES",
        "Longer request bodies are refused with 413; suffixes K, M and G are understood.",
        live=True,
    ),
    Setting(
        "connect-timeout", values.seconds, "SECONDS", "Time limit for connecting to an upstream; 0 = none.", live=True
    ),
    Setting(
        "first-byte-timeout", values.seconds, "SECONDS", "Time limit for the head of a response; 0 = none.", live=True
    ),
    Setting(
        "idle-timeout", values.seconds, "SECONDS", "Time limit between two chunks of a response; 0 = none.", live=True
    ),
    Setting(
        "upstream-keepalive",
        values.seconds,
        "SECONDS",
        "How long an idle connection to an upstream is kept; the upstream's own Keep-Alive hint shortens it.",
        live=True,
    ),
    Setting(
        "max-connections", values.connections, "N", "How many clients one relay process serves at once.", live=True
    ),
    Setting(
        "drain-timeout",
        values.seconds,
        "SECONDS",
        "How long the service waits for running streams after SIGTERM.",
        live=True,
    ),
    Setting("rotate-size", values.size, "BYTES", "A segment is closed when it reaches this size."),
    Setting("rotate-every", values.seconds, "SECONDS", "A segment is closed when it reaches this age."),
    Setting("retain-days", values.number, "N", "How many days records are kept; 0 = forever."),
    Setting("retain-size", values.size, "BYTES", "How much disk space the records may take; 0 = no limit."),
    Setting("compress", values.one_of("zstd", "none"), "HOW", "Compression of closed segments: zstd or none."),
    Setting(
        "sync",
        values.one_of("interval", "record", "never"),
        "WHEN",
        "When records are synced to disk: interval (every second), record (each one) or never.",
    ),
    Setting(
        "upstream-ca",
        values.path,
        "FILE",
        "PEM file of the certificate authorities to trust for upstreams, instead of the system's.",
        default="system trust",
    ),
    Setting("client-cert", values.path, "FILE", "PEM certificate to present to upstreams."),
    Setting("client-key", values.path, "FILE", "PEM key of --client-cert."),
    Setting(
        "upstream-proxy",
        values.corporate_proxy,
        "URL|none",
        "Connect to upstreams through this proxy; never used for loopback upstreams.",
        default="from HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
    ),
    Setting(
        "client-keys",
        values.path,
        "FILE",
        "Who may call: a line NAME sha256:HEX for each. Everybody else gets 401; records say who called, by name.",
        default="everybody",
    ),
    Setting(
        "upstream-key-file",
        values.named_file,
        "NAME=FILE",
        "The team's own key for the upstream NAME, sent instead of the client's; repeatable.",
        field="upstream_key_files",
        default="none",
        many=True,
    ),
    Setting("workers", values.workers, "N", "How many relay processes to run."),
    Setting(
        "prices",
        values.prices,
        "FILE",
        "TOML file with own prices and context limits, by model pattern and upstream; overrides the built-in list.",
        live=True,
    ),
    Setting(
        "redact-pattern",
        values.own_pattern,
        "REGEX",
        "A further kind of secret: whatever the expression matches is replaced; repeatable.",
        field="redact_patterns",
        many=True,
        live=True,
    ),
    Setting(
        "keep-pattern",
        values.own_pattern,
        "REGEX",
        "What is not a secret: a finding that the expression matches completely is kept; repeatable.",
        field="keep_patterns",
        many=True,
        live=True,
    ),
    Setting(
        "label",
        values.label,
        "KEY=VALUE",
        "A label for every record; the values @header:NAME and @key are taken from each call; repeatable.",
        field="labels",
        default="host and user",
        many=True,
        live=True,
    ),
    Setting(
        "forward",
        values.on_off,
        "on|off",
        "The proxy port is also an HTTP proxy: CONNECT and absolute-form.",
        default="on where the proxy port is loopback",
    ),
    Setting(
        "intercept",
        values.intercepted,
        "[+|-]HOST",
        "A host whose TLS is terminated here and whose calls are recorded under --forward. +HOST adds to the known "
        "hosts, -HOST leaves one out, HOST alone replaces them; all other hosts are tunnelled unread; repeatable.",
        default="the known LLM API hosts",
        many=True,
    ),
    Setting("websocket", values.on_off, "on|off", "Relay WebSocket upgrades; off answers them with 426."),
    Setting(
        "api-users",
        values.one_of("same", "any"),
        "same|any",
        "Whose programs may, on loopback, read the API and reach other hosts through the proxy: those of this user "
        "and root (same), or everybody's (any).",
    ),
    Setting(
        "budget",
        parse_budget,
        "SCOPE=USD",
        "A spending limit per session, day, week or month: day=20, week@cwd:/home/me/shop=50; repeatable.",
        field="budgets",
        default="none",
        many=True,
        live=True,
    ),
    Setting(
        "budget-action",
        values.one_of("warn"),
        "warn",
        "What happens near and beyond a budget: warn, on pages, in the terminal and as events.",
        live=True,
    ),
    Setting(
        "replay",
        values.on_off,
        "on|off",
        "Whether POST /api/replay sends recorded calls again, with the credentials of the service's environment.",
    ),
    Setting(
        "ship",
        ship_address,
        "URL",
        "Where finished records are sent, besides this disk: jsonl+https, clickhouse+https, otlp+https, s3, gs, az "
        "or file; repeatable.",
        default="none",
        many=True,
    ),
    Setting(
        "ship-content",
        values.one_of(*CONTENT),
        "full|metadata",
        "Whether to ship the texts (full) or only the metadata; a URL's ?content= overrides it for that target.",
    ),
    Setting(
        "ship-hold",
        values.size,
        "BYTES",
        "How much is kept beyond --retain-days and --retain-size for targets that have not taken it yet.",
    ),
    Setting(
        "ship-credentials",
        values.path,
        "FILE",
        "TOML file of credentials: for each target's URL a table with password, secret or headers; mode 0600.",
        default="ship-credentials.toml in the data dir",
    ),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def setting(name: str) -> Setting | None:
    """Return the setting with a name, or None."""
    return _BY_NAME.get(name)
