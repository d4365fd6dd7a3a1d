"""The engine selected by ``--from``: shipped records as the source of the hub and of reading commands."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from ccsproxy.config.shipping import STORED, ShipAddress, ship_address
from ccsproxy.errors import ConfigError
from ccsproxy.store.engine.engine import Engine, EngineError
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.data_dir import CommandError, WrongUsage

#: Engines opened by commands, closed when the program exits.
_OPEN = ExitStack()


def add_source(parser: argparse.ArgumentParser) -> None:
    """Declare ``--from`` for a reading command."""
    parser.add_argument(
        "--from", dest="source", metavar="URL", help="read from what was shipped to this target instead"
    )
    parser.add_argument("--ship-credentials", metavar="FILE", help="with --from, as for serve")


def source_reader(args: argparse.Namespace) -> Reader | None:
    """Return the reader of the target given to a command, None if none is given.

    :raises CommandError: if it cannot be read.
    """
    source = getattr(args, "source", None)
    if not source:
        return None
    try:
        engine = _OPEN.enter_context(opened(source_address(source), args.ship_credentials or ""))
    except ConfigError as error:
        raise CommandError(str(error)) from None
    # It offers what the local reader does (test/ship/reader_contract.py checks both).
    return cast(Reader, EngineReader(engine))


def source_address(text: str) -> ShipAddress:
    """Parse the value of ``--from``.

    :raises CommandError: if it is not a target.
    """
    try:
        return ship_address(text)
    except ValueError as error:
        raise WrongUsage(f"--from: {error}.") from None


@contextmanager
def opened(address: ShipAddress, credentials_file: str, searched: bool = False) -> Iterator[Engine]:
    """Open the engine of a target.

    :param searched: whether to prepare the search index immediately.
    :raises ConfigError: if it cannot be read from here.
    :raises CommandError: if it does not respond.
    """
    with tempfile.TemporaryDirectory(prefix="ccsproxy-hub-") as folder:
        try:
            yield make_engine(address, credentials_file, Path(folder), searched)
        except EngineError as error:
            raise CommandError(f"{error}.") from None


def make_engine(address: ShipAddress, credentials_file: str, folder: Path, searched: bool = False) -> Engine:
    """Create the engine of a target.

    :param folder: for copies of the objects in a bucket.
    :param searched: whether to prepare the search index immediately.
    :raises WrongUsage: if targets of its kind cannot be read.
    :raises ConfigError: if it cannot be read from here.
    """
    # Imported only when needed: other commands start without the imports of shipping.
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
        raise WrongUsage(f"--from: {address.kind} cannot be read; name clickhouse+https, file, s3, gs or az.")
    try:
        from ccsproxy.store.engine.objects import ObjectsEngine
    except ImportError:
        raise ConfigError("--from", "objects are read by DuckDB; run: pip install 'ccsproxy[hub]'") from None
    kept = folder / "copy.duckdb"
    if address.kind == "file":
        if not Path(address.path).is_dir():
            raise ConfigError("--from", f"there is no directory {address.path}")
        return ObjectsEngine(Path(address.path), kept=kept, searched=searched)
    from ccsproxy.ship.objects.mirror import Mirror
    from ccsproxy.ship.objects.store import ObjectStore

    mirror = Mirror(ObjectStore(address, dict(credentials.store)), folder / "objects")
    return ObjectsEngine(folder / "objects", mirror.fetch, mirror.refresh, kept, searched)
