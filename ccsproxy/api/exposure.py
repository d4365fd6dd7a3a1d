"""What the listening sockets mean for the guard: which ports and host names are ours, and who can reach them."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import attr

from ccsproxy.api.guard import is_loopback


@attr.frozen
class Exposure:
    """Where an API is listening.

    :ivar ports: its TCP ports.
    :ivar names: ``address:port`` of each listener that has an address of its own.
    :ivar any_address: some listener is bound to every interface.
    :ivar beyond_loopback: it can be reached from other machines.
    """

    ports: Sequence[int]
    names: Sequence[str]
    any_address: bool
    beyond_loopback: bool


def exposure_of(addresses: Iterable[Any]) -> Exposure:
    """Summarise the addresses of listening ports (`IListeningPort.getHost`); those of UNIX sockets have no host."""
    reached = [(each.host, each.port) for each in addresses if getattr(each, "host", None) is not None]
    wild = [host for host, _ in reached if _is_wildcard(host)]
    return Exposure(
        ports=sorted({port for _, port in reached}),
        # Nobody addresses a host by the wildcard address.
        names=sorted(f"{_shown(host)}:{port}" for host, port in reached if host not in wild),
        any_address=bool(wild),
        beyond_loopback=any(not is_loopback(host) for host, _ in reached),
    )


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
