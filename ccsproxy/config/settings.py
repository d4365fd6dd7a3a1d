"""Every setting once: name, how its text is read, default, help. Command line, TOML file and docs use this table."""

from collections.abc import Callable
from typing import Any

import attr

from ccsproxy.config import values
from ccsproxy.config.model import default_of
from ccsproxy.config.shipping import CONTENT, ship_address
from ccsproxy.insight.cost.budget import parse_budget


def _default_of(field: str) -> str:
    """Write the default that `Config` has for a field, as people read it."""
    return values.written(default_of(field))


@attr.frozen
class Setting:
    """One thing that can be set: a row of the table, a field of `Config`, and its use.

    :ivar name: the option's name without dashes, and the key in the config file.
    :ivar read: turns text into the value; raises ValueError saying what would be right. None for a switch.
    :ivar meta: what stands for the value in the help.
    :ivar help: one sentence.
    :ivar field: the attribute of `Config` it fills; the name with underscores.
    :ivar default: the default as people read it; that of `Config`, unless it needs words.
    :ivar many: may be given more than once.
    :ivar live: can change while the service runs, see `reloaded`.
    """

    name: str
    read: Callable[[str], Any] | None
    meta: str
    help: str
    field: str = attr.field(
        kw_only=True, default=attr.Factory(lambda row: row.name.replace("-", "_"), takes_self=True)
    )
    default: str = attr.field(kw_only=True, default=attr.Factory(lambda row: _default_of(row.field), takes_self=True))
    many: bool = attr.field(kw_only=True, default=False)
    live: bool = attr.field(kw_only=True, default=False)


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
    Setting("proxy-port", values.port, "N", "Loopback TCP port of the proxy; 0 = any."),
    Setting("api-port", values.port, "N", "Loopback TCP port of API and dashboard; 0 = any."),
    Setting(
        "listen",
        str,
        "ENDPOINT",
        "Twisted endpoint string for the proxy instead of --proxy-port; repeatable; systemd: works.",
        many=True,
    ),
    Setting(
        "api-listen",
        str,
        "ENDPOINT",
        "Twisted endpoint string for the API instead of --api-port; repeatable.",
        many=True,
    ),
    Setting("no-api", None, "", "No API and no dashboard."),
    Setting("data-dir", values.path, "DIR", "Where records are kept; created 0700.", default="~/.ccsproxy"),
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
        "Keep secrets in the records (dangerous; shown in health).",
        field="redact",
        default="off",
    ),
    Setting("cors-allow", values.origin, "ORIGIN", "One exact origin that may read the API.", default="none"),
    Setting(
        "allow-host",
        values.host_name,
        "NAME",
        "A further Host value that proxy and API answer to; repeatable.",
        field="allow_hosts",
        default="loopback names",
        many=True,
    ),
    Setting(
        "api-token-file",
        values.path,
        "FILE",
        "The token that the API asks for when it listens beyond loopback.",
        default="made in the data dir",
    ),
    Setting(
        "max-request-body",
        values.size,
        "BYTES",
        "Longer request bodies are refused with 413; K, M and G are understood.",
        live=True,
    ),
    Setting("connect-timeout", values.seconds, "SECONDS", "For reaching an upstream; 0 = never.", live=True),
    Setting("first-byte-timeout", values.seconds, "SECONDS", "For the head of an answer; 0 = never.", live=True),
    Setting("idle-timeout", values.seconds, "SECONDS", "Between two pieces of an answer; 0 = never.", live=True),
    Setting(
        "upstream-keepalive",
        values.seconds,
        "SECONDS",
        "How long an idle connection to an upstream is kept; the upstream's own Keep-Alive hint shortens it.",
        live=True,
    ),
    Setting(
        "max-connections", values.connections, "N", "How many clients one relay process serves at a time.", live=True
    ),
    Setting("drain-timeout", values.seconds, "SECONDS", "How long SIGTERM waits for running streams.", live=True),
    Setting("rotate-size", values.size, "BYTES", "A segment is closed when it has reached this size."),
    Setting("rotate-every", values.seconds, "SECONDS", "A segment is closed when it is this old."),
    Setting("retain-days", values.number, "N", "How long records are kept; 0 = for ever."),
    Setting("retain-size", values.size, "BYTES", "How much disk the records may take; 0 = no limit."),
    Setting("compress", values.one_of("zstd", "none"), "HOW", "Closed segments: zstd or none."),
    Setting(
        "sync",
        values.one_of("interval", "record", "never"),
        "WHEN",
        "When records are forced to the disk: interval (each second), record or never.",
    ),
    Setting(
        "upstream-ca",
        values.path,
        "FILE",
        "PEM file of the certificate authorities to trust for upstreams, instead of the system's.",
        default="system trust",
    ),
    Setting("client-cert", values.path, "FILE", "PEM certificate shown to upstreams."),
    Setting("client-key", values.path, "FILE", "PEM key of --client-cert."),
    Setting(
        "upstream-proxy",
        values.corporate_proxy,
        "URL|none",
        "CONNECT through this proxy; never used for loopback upstreams.",
        default="from HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
    ),
    Setting(
        "client-keys",
        values.path,
        "FILE",
        "Who may call, a line NAME sha256:HEX for each; all others get 401, and records say by name who called.",
        default="everybody",
    ),
    Setting(
        "upstream-key-file",
        values.named_file,
        "NAME=FILE",
        "The team's own key for the upstream of that NAME, sent instead of what clients show; repeatable.",
        field="upstream_key_files",
        default="none",
        many=True,
    ),
    Setting("workers", values.workers, "N", "How many processes relay."),
    Setting(
        "prices",
        values.prices,
        "FILE",
        "TOML with own prices and context limits, by model pattern and upstream; goes before the built-in list.",
        live=True,
    ),
    Setting(
        "redact-pattern",
        values.own_pattern,
        "REGEX",
        "A further secret: what the expression matches is replaced; repeatable.",
        field="redact_patterns",
        many=True,
        live=True,
    ),
    Setting(
        "keep-pattern",
        values.own_pattern,
        "REGEX",
        "What is no secret: a finding that the expression matches as a whole stays; repeatable.",
        field="keep_patterns",
        many=True,
        live=True,
    ),
    Setting(
        "label",
        values.label,
        "KEY=VALUE",
        "Who recorded it, in every record; @header:NAME and @key are each call's own; repeatable.",
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
        "A host whose TLS is ended and recorded here under --forward: + adds to the known ones, - leaves one out, "
        "without a sign only the given ones are; every other host is tunnelled unread; repeatable.",
        default="the known LLM API hosts",
        many=True,
    ),
    Setting("websocket", values.on_off, "on|off", "Relay WebSocket upgrades; off answers 426."),
    Setting(
        "api-users",
        values.one_of("same", "any"),
        "same|any",
        "On loopback, whose programs may read and use the proxy for other hosts: this user and root, or every user.",
    ),
    Setting(
        "budget",
        parse_budget,
        "SCOPE=USD",
        "What may be spent in a session, day, week or month: day=20, week@cwd:/home/me/shop=50; repeatable.",
        field="budgets",
        default="none",
        many=True,
        live=True,
    ),
    Setting(
        "budget-action",
        values.one_of("warn"),
        "warn",
        "What happens near and beyond a budget: warn, in page, terminal and events.",
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
        "Where finished records go besides this disk: jsonl+https, clickhouse+https, otlp+https, s3, gs, az or file; "
        "repeatable.",
        default="none",
        many=True,
    ),
    Setting(
        "ship-content",
        values.one_of(*CONTENT),
        "full|metadata",
        "Whether what was said is shipped, or only what is known of it; a URL's ?content= says it for that target.",
    ),
    Setting(
        "ship-hold",
        values.size,
        "BYTES",
        "How much is kept beyond --retain-days and --retain-size because a target has not taken it yet.",
    ),
    Setting(
        "ship-credentials",
        values.path,
        "FILE",
        "TOML of what targets ask for: a table by the target's URL with password, secret or headers; mode 0600.",
        default="ship-credentials.toml in the data dir",
    ),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def setting(name: str) -> Setting | None:
    """Return the setting of that name, or None."""
    return _BY_NAME.get(name)
