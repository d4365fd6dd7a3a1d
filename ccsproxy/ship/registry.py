"""The kinds of targets: the module of each, and the packages it needs."""

import importlib
import importlib.util
from typing import Any

import attr

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.errors import ConfigError
from ccsproxy.ship.target import Target, TargetContext


@attr.frozen
class Kind:
    """One kind of target.

    :ivar module: its module; imported when used.
    :ivar name: its class in the module, whose only argument is a `TargetContext`.
    :ivar needs: packages that ccsproxy does not otherwise need.
    """

    module: str
    name: str
    needs: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("file", "s3", "gs", "az"),
        Kind("ccsproxy.ship.objects.target", "ObjectTarget", ("obstore", "arro3.core", "arro3.io")),
    ),
    "clickhouse": Kind("ccsproxy.ship.clickhouse.target", "ClickHouseTarget"),
    "jsonl": Kind("ccsproxy.ship.jsonl.target", "JsonLinesTarget"),
    "otlp": Kind("ccsproxy.ship.otlp.target", "OtlpTarget", ("opentelemetry.proto",)),
}


def check(address: ShipAddress) -> None:
    """Check that a target can be shipped to from here.

    :raises ConfigError: naming what is missing.
    """
    kind = KINDS.get(address.kind)
    if kind is None:
        raise ConfigError(
            "--ship", f"{address.kind} is not supported; supported kinds are {', '.join(sorted(KINDS))}"
        )
    for package in kind.needs:
        if not _is_there(package):
            raise ConfigError(
                "--ship", f"{address.name} needs the package {package}; run: pip install 'ccsproxy[ship]'"
            )


def make_target(around: TargetContext) -> Target:
    """Make a target.

    :raises ConfigError: if it cannot be made with its configuration.
    """
    check(around.address)
    kind = KINDS[around.address.kind]
    made: Any = getattr(importlib.import_module(kind.module), kind.name)(around)
    target: Target = made
    return target


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
