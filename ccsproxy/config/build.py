"""Builds the configuration: the command line takes precedence over the file, each value is read by its row."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attr

from ccsproxy.config.model import Config, Upstream
from ccsproxy.config.setting import Setting
from ccsproxy.config.settings import SETTINGS
from ccsproxy.errors import ConfigError

#: The settings from one source: setting name to the texts given, in order (a switch: any one text).
Given = Mapping[str, list[str]]


def reloaded(config: Config, newer: Config) -> tuple[Config, list[str]]:
    """Return a configuration that takes the settings which can change at run time from a newer one.

    :return: it, and the names of changed settings that have to wait for the next start.
    """
    changed = [one for one in SETTINGS if getattr(config, one.field) != getattr(newer, one.field)]
    fresh = {one.field: getattr(newer, one.field) for one in changed if one.live}
    return attr.evolve(config, **fresh), [one.name for one in changed if not one.live]


def build_config(
    command_line: Given,
    file: Given | None = None,
    listens: Mapping[str, tuple[str, ...]] | None = None,
    prefix: str = "--",
) -> Config:
    """Build the configuration from its sources; the command line overrides the file.

    :param command_line: options given on the command line.
    :param file: keys given in the config file.
    :param listens: the upstreams' dedicated listeners by upstream name, from the file.
    :param prefix: prefix of option names, for messages.
    :raises ConfigError: naming the key, what is wrong and what would be right.
    """
    fields: dict[str, Any] = {}
    for known in SETTINGS:
        for source, mark in ((command_line, prefix), (file or {}, "")):
            if known.name in source:
                fields[known.field] = _value(known, source[known.name], mark + known.name)
                break
    upstreams = fields.get("upstreams", ())
    _check_upstreams(upstreams, prefix, needed=not fields.get("forward"))
    named = listens or {}
    fields["upstreams"] = tuple(attr.evolve(u, listen=named.get(u.name, ())) for u in upstreams)
    config = Config(**fields)
    _check_files(config)
    _check_ship(config)
    _check_keys(config, prefix)
    _check_listeners(config, prefix)
    return config


def _value(known: Setting, texts: list[str], key: str) -> Any:
    if known.read is None:
        return known.name != "no-redact"
    read = [_read_one(known.read, text, key) for text in texts]
    return tuple(read) if known.many else read[-1]


def _read_one(read: Callable[[str], Any], text: str, key: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        # With an @, the text may contain a password, which must not be repeated on terminals and in logs.
        shown = "" if "@" in text else f" {text!r} is wrong:"
        raise ConfigError(key, f"{shown} {error}".strip()) from None


def _check_upstreams(upstreams: Iterable[Upstream], prefix: str, *, needed: bool) -> None:
    seen: set[str] = set()
    for one in upstreams:
        if one.name in seen:
            raise ConfigError(
                f"{prefix}upstream", f"two upstreams are named {one.name!r}; give one of them another name: NAME=URL"
            )
        seen.add(one.name)
    if needed and not seen:
        raise ConfigError(
            f"{prefix}upstream", "no upstream is given; add for example --upstream https://api.anthropic.com"
        )


def _check_files(config: Config) -> None:
    for name in ("upstream_ca", "client_cert", "client_key", "client_keys"):
        file: Path | None = getattr(config, name)
        if file is not None and not file.is_file():
            raise ConfigError("--" + name.replace("_", "-"), f"there is no readable file {str(file)!r}")
    if (config.client_cert is None) != (config.client_key is None):
        raise ConfigError("--client-cert", "a client certificate needs both --client-cert and --client-key")


def _check_ship(config: Config) -> None:
    names = [target.name for target in config.ship]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError("--ship", f"{twice} is named twice")
    # Unredacted records on this disk are their owner's own risk; a team's database is read by others.
    if config.ship and not config.redact:
        raise ConfigError("--ship", "records with secrets are not shipped; remove --no-redact")


def _check_listeners(config: Config, prefix: str) -> None:
    own = [endpoint for one in config.upstreams for endpoint in one.listen]
    if config.workers > 1 and any(endpoint.startswith("ssl:") for endpoint in (*config.listen, *own)):
        raise ConfigError(
            f"{prefix}listen",
            "an ssl: endpoint is served by one process; remove --workers, or terminate TLS in front",
        )


def _check_keys(config: Config, prefix: str) -> None:
    names = {one.name for one in config.upstreams}
    for name, _ in config.upstream_key_files:
        if name not in names:
            raise ConfigError(
                f"{prefix}upstream-key-file", f"there is no upstream {name!r}; name one of {sorted(names)}"
            )
    if config.client_keys is not None and config.forward:
        raise ConfigError(f"{prefix}client-keys", "forwarded requests carry no client key; remove --forward on")
    if config.upstream_key_files and config.client_keys is None and not config.is_local:
        raise ConfigError(
            f"{prefix}upstream-key-file",
            "anyone who reaches this port could use the team's key; name callers with --client-keys, or listen on "
            "loopback only",
        )
