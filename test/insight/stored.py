"""A data dir that holds the records of a world."""

from pathlib import Path
from typing import Any

from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.follower import rebuild
from test.store.corpus import Segments


def store_world(data_dir: Path, records: list[dict[str, Any]], indexed: bool = True) -> None:
    """Write records as a segment, and their index."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    Segments(data_dir).write(*records)
    if indexed:
        rebuild(data_dir, list_price)
