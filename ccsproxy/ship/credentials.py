"""Credentials for shipping targets: from a private file or the environment, never from a URL."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attr

from ccsproxy.config.private_file import read_private
from ccsproxy.config.shipping import ShipAddress
from ccsproxy.errors import ConfigError

#: Keys that a table of the file may have besides those for object stores.
_KNOWN = frozenset({"password", "secret", "headers"})
_OF_STORES = frozenset({"s3", "gs", "az"})
#: Environment variables by kind of target, used if the file has no value; object stores read their own.
_VARIABLES = {"clickhouse": ("password", "CLICKHOUSE_PASSWORD"), "jsonl": ("secret", "CCSPROXY_SHIP_SECRET")}
_HEADERS_VARIABLES = {"otlp": "OTEL_EXPORTER_OTLP_HEADERS", "jsonl": "CCSPROXY_SHIP_HEADERS"}


@attr.frozen(repr=False)
class Credentials:
    """The credentials for one target; its representation reveals none of them.

    :ivar password: for the user named in the URL.
    :ivar secret: the key of the signature (see `ccsproxy.ship.jsonl.signature`).
    :ivar headers: additional request headers.
    :ivar store: settings of an object store by obstore's names (``access_key_id``, ...).
    """

    password: str = ""
    secret: str = ""
    headers: Mapping[str, str] = attr.field(factory=dict)
    store: Mapping[str, str] = attr.field(factory=dict)

    def __repr__(self) -> str:
        return "<Credentials>"


def read_credentials(address: ShipAddress, path: Path, environment: Mapping[str, str] = os.environ) -> Credentials:
    """Find a target's credentials.

    :param path: the file, which may not exist.
    :raises ConfigError: if others can read the file, or its content is invalid.
    """
    table = _tables(path).get(address.name, {})
    if not isinstance(table, dict):
        raise ConfigError("--ship-credentials", f"{address.name} in {path} must be a table")
    if address.kind in _OF_STORES or address.kind == "file":
        return Credentials(store={key: str(value) for key, value in table.items()})
    if unknown := sorted(set(table) - _KNOWN):
        raise ConfigError(
            "--ship-credentials",
            f"{path} has the unknown key {unknown[0]!r}; known keys are {', '.join(sorted(_KNOWN))}",
        )
    return _spoken(address.kind, table, environment)


def _spoken(kind: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> Credentials:
    member, variable = _VARIABLES.get(kind, ("", ""))
    found = {member: environment[variable]} if variable in environment else {}
    headers = table.get("headers")
    if headers is None:
        headers = header_list(environment.get(_HEADERS_VARIABLES.get(kind, ""), ""))
    found.update({name: str(table[name]) for name in ("password", "secret") if name in table})
    return Credentials(
        found.get("password", ""), found.get("secret", ""), {str(k): str(v) for k, v in headers.items()}
    )


def header_list(text: str) -> dict[str, str]:
    """Parse headers in the format of OpenTelemetry's variables: ``key=value`` separated by commas."""
    pairs = (each.partition("=") for each in text.split(",") if "=" in each)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_private(path).decode("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError("--ship-credentials", f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("--ship-credentials", f"{path} is not valid TOML: {error}") from None
