"""The layout of a store: ``dt=YYYY-MM-DD/host=H/<segment>.jsonl.zst``, with ``.parquet`` next to it.

In addition, ``.texts.parquet`` has the texts that each call adds to its session, for searching. The two directory
levels are columns for every engine that supports Hive partitioning.
"""

import re
from urllib.parse import quote, unquote

from ccsproxy.store.segments.segment import COMPRESSED

PARQUET = ".parquet"
TEXTS = ".texts.parquet"
_OURS = re.compile(
    r"dt=\d{4}-\d{2}-\d{2}/host=[^/\\\0]{1,240}/\d{8}T\d{9}Z-[0-9a-f]{8}"
    rf"({re.escape(COMPRESSED)}|{re.escape(PARQUET)}|{re.escape(TEXTS)})"
)


def folder(segment: str, host: str) -> str:
    """Return the directory of a segment, by the day (UTC) on which it was created."""
    return f"dt={segment[:4]}-{segment[4:6]}-{segment[6:8]}/host={quote(host, safe='')}"


def segment_path(segment: str, host: str) -> str:
    """Return the path of a segment."""
    return f"{folder(segment, host)}/{segment}{COMPRESSED}"


def parquet_path(segment: str, host: str) -> str:
    """Return the path of a segment's summaries."""
    return f"{folder(segment, host)}/{segment}{PARQUET}"


def texts_path(segment: str, host: str) -> str:
    """Return the path of the texts that a segment's calls add to their sessions."""
    return f"{folder(segment, host)}/{segment}{TEXTS}"


def host_of(path: str) -> str:
    """Return the host of an object, empty if it is not ours."""
    return unquote(path.partition("/host=")[2].partition("/")[0])


def is_ours(path: str) -> bool:
    """Tell whether a path is one of ours; anyone with write access to a store may name objects as they like."""
    return _OURS.fullmatch(path) is not None
