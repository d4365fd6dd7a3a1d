"""Migrates what versions before 2 kept in separate files into the state, then removes the files."""

import shutil
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.files import Files, read_all

_STARS, _MARKS, _REQUESTS = "starred.json", "retired.jsonl", "wishes"


@attr.frozen
class Earlier:
    """What earlier versions left.

    :ivar stars: sessions to keep.
    :ivar marks: how far the numbers of removed sessions went, by hash.
    """

    stars: list[str]
    marks: dict[str, int]


def earlier_state(data_dir: Path) -> Earlier:
    """Read what earlier versions left.

    :raises OSError: if there is a list of stars that cannot be read, or is damaged: it could name what the user wants
        to keep, so it is not taken for an empty one. Marks that cannot be read are as good as none.
    """
    path = data_dir / _STARS
    try:
        stars = msgspec.json.decode(read_all(Files(), path), type=list[str])
    except FileNotFoundError:
        stars = []
    except msgspec.MsgspecError as reason:
        raise OSError(f"{path} is damaged ({reason}); correct or remove it") from None
    return Earlier(stars, _earlier_marks(data_dir / _MARKS))


def remove_earlier(data_dir: Path) -> None:
    """Remove the files of earlier versions, now that the state holds what was in them."""
    for name in (_STARS, _MARKS):
        try:
            (data_dir / name).unlink()
        except OSError:
            pass  # nobody reads it any more
    shutil.rmtree(data_dir / _REQUESTS, ignore_errors=True)


def _earlier_marks(path: Path) -> dict[str, int]:
    try:
        line = read_all(Files(), path)
        # A mark that is lost costs a number used twice after a removal; nothing that anybody wanted kept.
        return msgspec.convert(codec.decode(line).get("marks"), dict[str, int]) if codec.verify(line) else {}
    except (OSError, codec.LineError, msgspec.MsgspecError):
        return {}
