"""``ccsproxy hub``: serves a team's pages, API and commands from the engine that its machines ship to."""

import argparse
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.api.exposure import exposure_of
from ccsproxy.api.hub.access import Roles, networks, read_roles
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.config.shipping import ShipAddress
from ccsproxy.errors import ConfigError
from ccsproxy.store.engine.engine import Engine
from ccsproxy.tools.engine_source import opened, source_address
from ccsproxy.tools.service.hub_login import add_login_arguments, check_login, login_settings, public_name

NAME = "hub"
SUMMARY = "Serve a team's pages and API from ClickHouse or shipped objects."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--from", dest="source", metavar="URL", required=True, help="a target of --ship: "
                        "clickhouse+https://USER@HOST/DB, file:///FOLDER or s3://BUCKET/PREFIX")  # fmt: skip
    parser.add_argument("--api-port", metavar="N", type=int, default=8789, help="loopback TCP port (default: 8789)")
    parser.add_argument("--api-listen", metavar="ENDPOINT", help="a Twisted endpoint string instead")
    parser.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[], help="a further accepted Host value; repeatable"
    )
    parser.add_argument(
        "--auth-header", metavar="NAME", help="the header in which a reverse proxy on this machine names the user"
    )
    parser.add_argument("--auth-from", metavar="NETWORK", action="append", default=[], help="a further address or "
                        "network, besides this machine, from which --auth-header is trusted; repeatable")  # fmt: skip
    parser.add_argument(
        "--roles",
        metavar="FILE",
        help="TOML file that says who sees their own calls, their team's, or all (default: own)",
    )
    parser.add_argument("--audit", metavar="FILE", help="file that logs who looked at what")
    parser.add_argument("--ship-credentials", metavar="FILE", help="as for serve")
    add_login_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Serve the hub until interrupted."""
    address = source_address(args.source)
    check_login(args)
    if args.roles and not args.auth_header and not args.oidc_issuer:
        raise ConfigError("--roles", "users are identified by --auth-header or --oidc-issuer; add one of them")
    if args.auth_from and not args.auth_header:
        raise ConfigError("--auth-from", "it applies only with --auth-header; add that")
    networks(args.auth_from)
    roles = read_roles(Path(args.roles).expanduser()) if args.roles else Roles()
    audit = AuditLog(Path(args.audit).expanduser()) if args.audit else None
    with opened(address, args.ship_credentials or "", searched=True) as engine:
        return _serve(args, address, engine, roles, audit, out)


def _serve(
    args: argparse.Namespace, address: ShipAddress, engine: Engine, roles: Roles, audit: AuditLog | None, out: TextIO
) -> int:
    from twisted.internet import reactor as installed
    from twisted.internet.protocol import Factory, Protocol

    from ccsproxy.api.hub.server import Hub, HubSettings
    from ccsproxy.runtime.sockets.listening import listen, loopback, url_of
    from ccsproxy.tools.service.foreground import log_warnings

    reactor: Any = installed
    log_warnings()
    endpoint = args.api_listen or loopback(args.api_port)
    # Bound first, because whom the hub may answer depends on the actual addresses.
    port: Any = listen(reactor, endpoint, Factory.forProtocol(Protocol), "--api-listen or --api-port")
    exposure = exposure_of([port.getHost()])
    login = login_settings(args, url_of(port))
    if exposure.beyond_loopback and not args.auth_header and login is None:
        message = "beyond loopback, users must be identified; add --auth-header or --oidc-issuer"
        raise ConfigError("--api-listen", message)
    settings = HubSettings(
        address.name,
        exposure.ports,
        [*exposure.names, *args.allow_host, *public_name(args)],
        exposure.any_address,
        args.auth_header,
        networks(args.auth_from),
        login,
    )
    hub = Hub(reactor, engine, settings, roles, audit)
    hub.reading.start()
    port.factory = hub.site
    # The port has called it on the factory that it was bound with, not on this one.
    hub.site.doStart()
    reactor.addSystemEventTrigger("before", "shutdown", hub.reading.stop)
    out.write(f"hub: {url_of(port)}   reads {address.name}\n")
    out.flush()
    reactor.run()
    return 0
