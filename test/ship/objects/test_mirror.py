"""A copy of a bucket: what is copied, what follows a change, and what is never written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.objects.layout import is_ours, parquet_path, segment_path, texts_path
from ccsproxy.ship.objects.mirror import Mirror
from ccsproxy.ship.target import Unavailable

NAME = "20261130T101500123Z-1a2b3c4d"
HOSTS = ("h", "Ann's laptop", "..", "a/b", "%2e%2e", "host=x", "ü", "*", "a\nb")
#: What whoever may write to the bucket may call an object.
FOREIGN = (
    "../outside.parquet",
    "dt=2026-11-30/x.parquet",
    "dt=2026-11-30/host=h/...parquet",
    f"/{NAME}.parquet",
    f"dt=../host=h/{NAME}.parquet",
    f"dt=2026-11-30/host=h/../../../{NAME}.parquet",
    f"dt=2026-11-30/host=h/x/{NAME}.parquet",
    f"dt=2026-11-30/host=h\\..\\{NAME}.parquet",
    f"dt=2026-11-30/host=h/{NAME}.parquet\n",
    f"dt=2026-11-30/host=h/{NAME}.exe",
)


class Bucket:
    """Objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    def tagged(self) -> Iterator[tuple[str, str | None]]:
        """Yield names and versions."""
        if self.down:
            raise Unavailable("it is down")
        yield from ((path, str(hash(data))) for path, data in self.objects.items())

    def read(self, path: str) -> tuple[bytes, str | None] | None:
        """Return an object."""
        data = self.objects.get(path)
        return None if data is None else (data, str(hash(data)))


class MirrorFolderTests(SynchronousTestCase):
    """Into a folder."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.around = Path(self.mktemp()).absolute()
        self.folder, self.bucket = self.around / "in" / "it", Bucket()
        stored: Any = self.bucket
        self.mirror = Mirror(stored, self.folder)

    def files(self) -> dict[str, bytes]:
        """Return all files there are, inside and around."""
        found = (path for path in self.around.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def test_changes(self) -> None:
        """Summaries and texts come, follow a change, and go; a segment comes when somebody looks into it."""
        paths = [make(NAME, "h") for make in (parquet_path, texts_path, segment_path)]
        self.bucket.objects = dict.fromkeys(paths, b"one")
        self.mirror.refresh()
        self.assertEqual(set(self.files()), set(paths[:2]))
        self.mirror.fetch(paths[2])
        self.bucket.objects[paths[0]] = b"two"
        del self.bucket.objects[paths[1]]
        self.mirror.refresh()
        self.assertEqual(self.files(), {paths[0]: b"two", paths[2]: b"one"})
        self.bucket.down = True
        self.assertRaises(OSError, self.mirror.refresh)

    def test_nothing_outside(self) -> None:
        """Objects that others have named lead nowhere."""
        self.bucket.objects = dict.fromkeys(FOREIGN, b"bad")
        self.mirror.refresh()
        for path in FOREIGN:
            self.mirror.fetch(path)
            self.assertFalse(is_ours(path), path)
        self.assertEqual(self.files(), {})

    def test_hosts_with_odd_names(self) -> None:
        """Whatever a host is called, its files have one place in the folder."""
        self.bucket.objects = {parquet_path(NAME, host): host.encode() for host in HOSTS}
        self.assertEqual(len(self.bucket.objects), len(HOSTS))
        self.mirror.refresh()
        self.assertEqual(sorted(self.files().values()), sorted(host.encode() for host in HOSTS))
        self.assertFalse([path for path in self.files() if path.startswith("..")])
