"""The kinds of target: which module makes each, and what it needs to be installed."""

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

    :ivar module: where it is; imported when one is used.
    :ivar name: the class in it, which is made with `TargetContext` alone.
    :ivar needs: packages that ccsproxy itself does without.
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
    """See that a target can be shipped to from here.

    :raises ConfigError: naming what is missing.
    """
    kind = KINDS.get(address.kind)
    if kind is None:
        raise ConfigError("--ship", f"{address.kind} cannot be shipped to yet; there is {', '.join(sorted(KINDS))}")
    for package in kind.needs:
        if not _is_there(package):
            raise ConfigError(
                "--ship", f"{address.name} needs the package {package}; run: pip install 'ccsproxy[ship]'"
            )


def make_target(around: TargetContext) -> Target:
    """Make a target.

    :raises ConfigError: when it cannot be made as it is set up.
    """
    check(around.address)
    kind = KINDS[around.address.kind]
    made: Any = getattr(importlib.import_module(kind.module), kind.name)(around)
    target: Target = made
    return target


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # what holds it is missing
        return False
