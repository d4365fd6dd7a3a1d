"""Reads the TOML configuration file: the same keys as the options, and ``[[upstream]]`` tables."""

import tomllib
from pathlib import Path
from typing import Any

import attr

from ccsproxy.config.settings import SETTINGS, setting
from ccsproxy.config.values import upstream
from ccsproxy.errors import ConfigError


@attr.frozen
class FileSettings:
    """The content of a config file.

    :ivar given: setting name to the texts given, as expected by `ccsproxy.config.build.build_config`.
    :ivar listens: dedicated listeners by upstream name.
    """

    given: dict[str, list[str]]
    listens: dict[str, tuple[str, ...]]


def read_config_file(file: Path) -> FileSettings:
    """Read a config file.

    :raises ConfigError: if it cannot be read, is not TOML, or contains an unknown key or a wrong type.
    """
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError("--config", f"cannot read {str(file)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("--config", f"{str(file)!r} is not valid TOML: {error}") from None
    return _settings(document)


def _settings(document: dict[str, Any]) -> FileSettings:
    given: dict[str, list[str]] = {}
    listens: dict[str, tuple[str, ...]] = {}
    for key, value in document.items():
        name = key.replace("_", "-")
        if name == "upstream":
            given[name] = _upstreams(value, listens)
        else:
            texts = _texts(key, name, value)
            if texts is not None:
                given[name] = texts
    return FileSettings(given, listens)


def _texts(key: str, name: str, value: Any) -> list[str] | None:
    known = setting(name)
    if known is None:
        similar = ", ".join(s.name for s in SETTINGS if s.name[:3] == name[:3]) or "see 'ccsproxy serve --help'"
        raise ConfigError(key, f"there is no such key; did you mean: {similar}?")
    if known.read is None:
        if not isinstance(value, bool):
            raise ConfigError(key, "expected true or false")
        return [name] if value else None
    items = value if known.many and isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items):
        raise ConfigError(key, f"expected {'a list of strings' if known.many else 'a string or a number'}")
    return [str(item) for item in items]


def _upstreams(value: Any, listens: dict[str, tuple[str, ...]]) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise ConfigError("upstream", 'expected a URL, a list of them, or [[upstream]] tables with a "url"')
    return [item if isinstance(item, str) else _upstream_table(item, listens) for item in value]


def _upstream_table(table: Any, listens: dict[str, tuple[str, ...]]) -> str:
    if not isinstance(table, dict) or not isinstance(table.get("url"), str):
        raise ConfigError("upstream", 'each [[upstream]] needs a "url"')
    unknown = set(table) - {"name", "url", "listen"}
    if unknown:
        raise ConfigError(f"upstream.{min(unknown)}", "there is no such key; an upstream has name, url and listen")
    own = table.get("listen", [])
    endpoints = (own,) if isinstance(own, str) else tuple(own)
    name = table.get("name", "")
    if not isinstance(name, str) or not all(isinstance(e, str) for e in endpoints):
        raise ConfigError("upstream", "name is a string, listen a string or a list of strings")
    text = f"{name}={table['url']}" if name else str(table["url"])
    if endpoints:
        try:
            listens[upstream(text).name] = endpoints
        except ValueError as error:
            raise ConfigError("upstream.url", f"{table['url']!r} is wrong: {error}") from None
    return text
