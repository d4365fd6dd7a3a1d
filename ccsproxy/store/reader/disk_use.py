"""How much of the disk a store takes up, told by its files without opening any."""

import os
import shutil
from pathlib import Path

import attr


@attr.frozen
class DiskUse:
    """The size of a store, in bytes on the disk.

    :ivar segments: how many segments there are.
    :ivar free: how much room is left where the store is, for ordinary users; null where the system does not tell.
    """

    segments: int
    segment_bytes: int
    index_bytes: int
    free: int | None


def disk_use(data_dir: Path) -> DiskUse:
    """Measure a store; what is not there counts as nothing."""
    sizes = _sizes(data_dir / "segments")
    index = sum(size for name, size in _sizes(data_dir).items() if name.startswith("index.sqlite3"))
    try:
        free: int | None = shutil.disk_usage(data_dir).free
    except OSError:
        free = None
    return DiskUse(len(sizes), sum(sizes.values()), index, free)


def _sizes(directory: Path) -> dict[str, int]:
    """Return the size of each file of a directory."""
    found = {}
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                # One that is removed meanwhile counts as nothing.
                try:
                    if entry.is_file(follow_symlinks=False):
                        found[entry.name] = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except OSError:
        return found
    return found
