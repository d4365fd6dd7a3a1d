"""Files of secrets: who may read them besides us, told for every kind of such a file by one rule."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.token import TokenError, read_or_make
from ccsproxy.config import private_file
from ccsproxy.config.keys import read_client_keys, read_upstream_key
from ccsproxy.config.private_file import OpenToOthers, read_private
from ccsproxy.config.shipping import ship_address
from ccsproxy.errors import ConfigError
from ccsproxy.ship.credentials import read_credentials

US, OTHER, OUR_GROUP, NOT_OURS = 10001, 10002, 10001, 4


class PrivateFileTests(SynchronousTestCase):
    """A process of a user without rights, in a group of its own and in one of the platform's."""

    def setUp(self) -> None:
        """Be that process."""
        self.patch(os, "getegid", lambda: OUR_GROUP)
        self.patch(os, "getgroups", lambda: [2000])
        self.path = Path(self.mktemp())
        self.path.write_text("synthetic-synthetic-synthetic")

    def owned(self, mode: int, owner: int, group: int) -> Path:
        """Return the file as if it were somebody's; only root could make it so."""
        self.path.chmod(mode)
        about = list(self.path.stat())
        about[4], about[5] = owner, group
        self.patch(private_file.os, "fstat", lambda descriptor: os.stat_result(about))
        return self.path

    def test_who_may_read(self) -> None:
        """Its owner alone, or a group of ours where it is root's; nobody else, and nobody else may write."""
        for mode, owner, group, good in (
            (0o600, US, OUR_GROUP, True),
            (0o400, 0, 0, True),
            (0o440, 0, OUR_GROUP, True),
            (0o640, 0, 2000, True),
            (0o440, 0, NOT_OURS, False),
            (0o460, 0, OUR_GROUP, False),
            (0o450, 0, OUR_GROUP, False),
            (0o444, 0, OUR_GROUP, False),
            (0o604, US, OUR_GROUP, False),
            (0o602, US, OUR_GROUP, False),
            (0o640, US, OUR_GROUP, False),
            (0o440, OTHER, OUR_GROUP, False),
        ):
            path = self.owned(mode, owner, group)
            if good:
                self.assertEqual(read_private(path), b"synthetic-synthetic-synthetic")
            else:
                self.assertRaises(OpenToOthers, read_private, path)

    def test_every_kind(self) -> None:
        """Mounted as Kubernetes does, all are read; where others can read one, its sentence says what to do."""
        target = ship_address("jsonl+https://h.example")
        path = self.owned(0o440, 0, OUR_GROUP)
        self.assertEqual(read_upstream_key(path).secret, "synthetic-synthetic-synthetic")
        self.assertEqual(read_or_make(path), "synthetic-synthetic-synthetic")
        for read in (read_client_keys, lambda path: read_credentials(target, path, {})):
            self.path.write_text("# nothing yet\n")
            read(path)  # type: ignore[no-untyped-call]
        path = self.owned(0o444, 0, OUR_GROUP)
        for refused in (
            self.assertRaises(ConfigError, read_client_keys, path),
            self.assertRaises(ConfigError, read_upstream_key, path),
            self.assertRaises(ConfigError, read_credentials, target, path, {}),
            self.assertRaises(TokenError, read_or_make, path),
        ):
            self.assertIn("chmod 600", str(refused))

    def test_a_link(self) -> None:
        """Mounted secrets are links into a folder that is exchanged whole."""
        link = Path(self.mktemp())
        link.symlink_to(self.owned(0o600, US, OUR_GROUP).absolute())
        self.assertEqual(read_private(link), b"synthetic-synthetic-synthetic")

    def test_as_much_as_is_wanted(self) -> None:
        """A file that is no end is not read to it."""
        self.assertEqual(read_private(self.owned(0o600, US, OUR_GROUP), 4), b"synt")
