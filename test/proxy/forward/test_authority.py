"""The authority's files: made once, closed to others, made anew when they are no good."""

import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.forward.authority import CERTIFICATE, KEY, AuthorityError, AuthorityStore
from ccsproxy.proxy.forward.certificates import constrained_to

NOW = datetime.now(UTC).replace(microsecond=0)


class Authorities(SynchronousTestCase):
    """One folder, and what becomes of it."""

    def setUp(self):
        self.folder = Path(self.mktemp()) / "ca"
        self.folder.parent.mkdir()
        self.now = NOW

    def store(self, *hosts):
        return AuthorityStore(self.folder, hosts or ("api.anthropic.com",), lambda: self.now)

    def warnings(self):
        return self.flushWarnings()

    def test_nothing_is_made_before_it_is_needed(self):
        store = self.store()
        self.assertEqual((store.version(), store.current(), self.folder.exists()), (None, None, False))

    def test_made_once(self):
        first = self.store().ensure()
        self.assertEqual(self.store().ensure().certificate, first.certificate)
        self.assertEqual(self.store().current().certificate, first.certificate)

    def test_closed_to_others_whatever_the_umask(self):
        umask = os.umask(0)
        try:
            self.store().ensure()
        finally:
            os.umask(umask)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (self.folder, *self.folder.iterdir())}
        self.assertEqual(modes, {"ca": 0o700, CERTIFICATE: 0o600, KEY: 0o600})

    def test_made_anew_for_further_hosts(self):
        first, version = self.store().ensure(), self.store().version()
        wider = self.store("api.anthropic.com", "10.0.0.5").ensure()
        self.assertNotEqual(first.certificate, wider.certificate)
        self.assertNotEqual(version, self.store().version())
        self.assertEqual(self.store().ensure().certificate, wider.certificate)

    def test_made_anew_before_its_end(self):
        first = self.store().ensure()
        self.now = NOW + timedelta(days=720)
        self.assertIsNone(self.store().current())
        self.assertNotEqual(self.store().ensure().certificate, first.certificate)

    def test_made_anew_when_others_could_have_read_the_key(self):
        first = self.store().ensure()
        (self.folder / KEY).chmod(0o640)
        self.assertNotEqual(self.store().ensure().certificate, first.certificate)
        self.assertEqual(stat.S_IMODE((self.folder / KEY).stat().st_mode), 0o600)

    def test_made_anew_when_a_file_is_damaged_missing_or_no_file(self):
        for name in (KEY, CERTIFICATE):
            for damage in (
                lambda path: path.write_bytes(b"damaged"),
                lambda path: path.write_bytes(b""),
                lambda path: path.unlink(),
                lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
                lambda path: (path.unlink(), os.mkfifo(path)),
            ):
                before = self.store().ensure()
                damage(self.folder / name)
                after = self.store().ensure()
                self.assertTrue(after.matches)
                self.assertNotEqual(after.certificate, before.certificate)

    def test_pair_that_does_not_match_is_not_used(self):
        self.store().ensure()
        key = (self.folder / KEY).read_bytes()
        self.store().renew()
        (self.folder / KEY).write_bytes(key)
        self.assertIsNone(self.store().current())
        self.assertTrue(self.store().ensure().matches)

    def test_renewed_one_is_good_for_what_the_old_one_was(self):
        self.store("api.anthropic.com", "10.0.0.5").ensure()
        renewed = self.store("api.openai.com").renew()
        self.assertEqual(constrained_to(renewed.certificate), {"api.anthropic.com", "10.0.0.5", "api.openai.com"})

    def test_forgotten(self):
        store = self.store()
        self.assertFalse(store.forget())
        store.ensure()
        self.assertTrue(store.forget())
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertFalse(store.forget())

    def test_several_at_once_make_one(self):
        made = []
        threads = [threading.Thread(target=lambda: made.append(self.store().ensure())) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual(len({each.certificate.serial_number for each in made}), 1)

    def test_folder_that_cannot_be_used(self):
        self.folder.write_bytes(b"")
        self.assertRaisesRegex(AuthorityError, "cannot be used", self.store().ensure)
        self.folder.unlink()
        self.folder.symlink_to("/tmp")
        self.assertRaisesRegex(AuthorityError, "cannot be used", self.store().ensure)

    def test_data_dir_that_has_gone_is_not_made_again(self):
        self.folder.parent.rmdir()
        self.assertRaises(AuthorityError, self.store().ensure)
        self.assertFalse(self.folder.parent.exists())
