"""A data dir that holds the records of a world."""

import shutil
from pathlib import Path
from typing import Any

from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.follower import rebuild
from test.insight.world import make_world
from test.made_once import made_once
from test.store.corpus import Segments


def store_world(data_dir: Path, records: list[dict[str, Any]], indexed: bool = True) -> None:
    """Write records as a segment, and their index."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    Segments(data_dir).write(*records)
    if indexed:
        rebuild(data_dir, list_price)


def copy_world(data_dir: Path) -> None:
    """Fill a data dir with all records of the world and their index, as `store_world` would."""
    made = made_once("world-store", lambda path: store_world(path, make_world().records))
    shutil.copytree(made, data_dir, dirs_exist_ok=True)
