"""``ccsproxy hub``: the pages, the API and the commands of a team, read from the engine that its machines ship to."""

import argparse
import tempfile
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.api.exposure import exposure_of
from ccsproxy.api.hub.access import Roles, read_roles
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.config.shipping import STORED, ShipAddress, ship_address
from ccsproxy.errors import ConfigError
from ccsproxy.store.engine.engine import Engine, EngineError
from ccsproxy.tools.data_dir import CommandError

NAME = "hub"
SUMMARY = "Serve pages and API from ClickHouse or shipped objects, for a team."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--from", dest="source", metavar="URL", required=True, help="a target of --ship: "
                        "clickhouse+https://USER@HOST/DB, file:///FOLDER or s3://BUCKET/PREFIX")  # fmt: skip
    parser.add_argument("--api-port", metavar="N", type=int, default=8789, help="loopback TCP port (default: 8789)")
    parser.add_argument("--api-listen", metavar="ENDPOINT", help="a Twisted endpoint string instead")
    parser.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[], help="a further Host; repeatable"
    )
    parser.add_argument(
        "--auth-header", metavar="NAME", help="the header in which a reverse proxy on this machine says who asks"
    )
    parser.add_argument("--roles", metavar="FILE", help="TOML of who sees own calls, a team's, or all (default: own)")
    parser.add_argument("--audit", metavar="FILE", help="where it is noted who looked at what")
    parser.add_argument("--ship-credentials", metavar="FILE", help="as for serve")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Serve until it is interrupted."""
    try:
        address = ship_address(args.source)
    except ValueError as error:
        raise CommandError(f"--from: {error}.") from None
    if args.roles and not args.auth_header:
        raise ConfigError("--roles", "who asks is known by --auth-header alone")
    roles = read_roles(Path(args.roles).expanduser()) if args.roles else Roles()
    audit = AuditLog(Path(args.audit).expanduser()) if args.audit else None
    with tempfile.TemporaryDirectory(prefix="ccsproxy-hub-") as folder:
        try:
            engine = make_engine(address, args.ship_credentials or "", Path(folder))
        except EngineError as error:
            raise CommandError(f"{error}.") from None
        return _serve(args, address, engine, roles, audit, out)


def make_engine(address: ShipAddress, credentials_file: str, folder: Path) -> Engine:
    """Make the engine of a target.

    :param folder: for copies of what is in a bucket.
    :raises ConfigError: when it cannot be read from here.
    """
    from ccsproxy.ship.credentials import read_credentials
    from ccsproxy.ship.registry import check

    check(address)
    credentials = read_credentials(address, Path(credentials_file or "ship-credentials.toml").expanduser())
    if address.kind == "clickhouse":
        from ccsproxy.store.engine.clickhouse import ClickHouseEngine

        headers = {"X-ClickHouse-User": address.user} if address.user else {}
        if credentials.password:
            headers["X-ClickHouse-Key"] = credentials.password
        return ClickHouseEngine(address, {**headers, **credentials.headers})
    if address.kind not in STORED:
        raise ConfigError("--from", f"{address.kind} cannot be read; name clickhouse+https, file, s3, gs or az")
    try:
        from ccsproxy.store.engine.objects import ObjectsEngine
    except ImportError:
        raise ConfigError("--from", "objects are read by DuckDB; run: pip install 'ccsproxy[hub]'") from None
    if address.kind == "file":
        return ObjectsEngine(Path(address.path))
    from ccsproxy.ship.objects.mirror import Mirror
    from ccsproxy.ship.objects.store import ObjectStore

    mirror = Mirror(ObjectStore(address, dict(credentials.store)), folder)
    return ObjectsEngine(folder, mirror.fetch, mirror.refresh)


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
    port: Any = listen(reactor, endpoint, Factory.forProtocol(Protocol), "--api-listen or --api-port")
    exposure = exposure_of([port.getHost()])
    if exposure.beyond_loopback and not args.auth_header:
        raise ConfigError("--api-listen", "beyond loopback who asks has to be known; name --auth-header")
    settings = HubSettings(
        address.name, exposure.ports, [*exposure.names, *args.allow_host], exposure.any_address, args.auth_header
    )
    hub = Hub(reactor, engine, settings, roles, audit)
    hub.reading.start()
    port.factory = hub.site
    hub.site.doStart()
    reactor.addSystemEventTrigger("before", "shutdown", hub.reading.stop)
    out.write(f"hub: {url_of(port)}   reads {address.name}\n")
    out.flush()
    reactor.run()
    return 0
