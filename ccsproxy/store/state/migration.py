"""Migration of the separate files of versions before 2 into the state; the files are removed afterwards."""

import shutil
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.files import Files, read_all

_STARS, _MARKS, _REQUESTS = "starred.json", "retired.jsonl", "wishes"


@attr.frozen
class Earlier:
    """The data of earlier versions.

    :ivar stars: sessions to keep.
    :ivar marks: the highest sequence numbers of removed sessions, by hash.
    """

    stars: list[str]
    marks: dict[str, int]


def earlier_state(data_dir: Path) -> Earlier:
    """Read the data of earlier versions.

    :raises OSError: if there is a list of stars that cannot be read, or is damaged: it may name what the user wants
    to keep, so it does not count as empty. Unreadable marks count as none.
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
    """Remove the files of earlier versions, now that the state contains their data."""
    for name in (_STARS, _MARKS):
        try:
            (data_dir / name).unlink()
        except OSError:
            pass  # it is never read again
    shutil.rmtree(data_dir / _REQUESTS, ignore_errors=True)


def _earlier_marks(path: Path) -> dict[str, int]:
    try:
        line = read_all(Files(), path)
        # A lost mark means that a number is used twice after a removal; nothing that anybody wanted to keep is lost.
        return msgspec.convert(codec.decode(line).get("marks"), dict[str, int]) if codec.verify(line) else {}
    except (OSError, codec.LineError, msgspec.MsgspecError):
        return {}
