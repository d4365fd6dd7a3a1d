"""Tests for `ccsproxy.store.store`, with its threads."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ccsproxy.errors import DataDirError
from ccsproxy.store.backlog import Dropped
from ccsproxy.store.directory import DataDirBusy, Lock
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import compressed_path, list_segments, plain_path
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.store import Store
from test.store.disks import FailingDisk
from test.store.records import record, started, stored, stored_ids
from test.store.segments.test_lines import FlakyReads


class StoreTests(TestCase):
    """The store keeps what it is given, across restarts."""

    timeout = 20

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())

    def store(self, files: Files | None = None, **settings: Any) -> Store:
        store = Store(self.data_dir, StoreSettings(min_free=0, **settings), reactor, files=files)
        self.addCleanup(store.close)
        return store

    async def until(self, condition: Any) -> None:
        while not condition():
            await deferLater(reactor, 0.01, lambda: None)

    async def test_stored_records_are_there(self) -> None:
        """The Deferred gives the place; the counts add up; nobody else can read the files."""
        store = self.store()
        await store.open({})
        places = await gatherResults([store.append(record(number)) for number in range(1, 50)])
        self.assertEqual(len(set(places)), 49)
        self.assertEqual(len(stored_ids(self.data_dir)), 49)
        health = store.health()
        self.assertEqual((health["store"], health["accepted"], health["stored"], health["queued"]), ("ok", 49, 49, 0))
        await store.close()
        for path in self.data_dir.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    async def test_data_dir_removed_while_nothing_is_written(self) -> None:
        """Health says so at once; a new one is begun under a new lock when it is gone for good, and used."""
        store = self.store()
        await store.open({})
        await store.append(record(1))
        shutil.rmtree(self.data_dir)
        self.assertIn("was removed", store.health()["trouble"])
        self.assertEqual(store.health()["store"], "degraded")
        store.recreate_data_dir()
        self.assertFalse(self.data_dir.exists())
        store.recreate_data_dir()
        await self.until(lambda: store.owns_data_dir() and store.health()["store"] == "ok")
        self.assertRaises(DataDirBusy, Lock, self.data_dir)
        await store.append(record(2))
        self.assertEqual(len(stored_ids(self.data_dir)), 1)
        self.flushLoggedErrors()

    async def test_sequence_goes_on_after_a_restart(self) -> None:
        """Also for exchanges of which only the beginning was stored, which become unclean records."""
        first = self.store()
        await first.open({})
        await first.append(record(1, "a"))
        first.started(started(2, "a"))
        first.started(started(3, "a"))
        self.assertEqual(first.last_seq("a"), 3)
        await first.close()
        second = self.store()
        recovery = await second.open({"id3": 0.0})
        self.assertEqual([begun.id for begun in recovery.unclean], ["id2"])
        self.assertEqual((second.last_seq("a"), second.last_seq("b")), (3, 0))
        await self.until(lambda: second.health()["queued"] == 0)
        found = {each["id"]: each["outcome"] for each in stored(self.data_dir)}
        self.assertEqual(found, {"id1": "complete", "id2": "unclean"})
        await second.close()
        third = self.store()
        self.assertEqual([begun.id for begun in (await third.open({})).unclean], ["id3"])

    async def test_closed_segments_are_compressed(self) -> None:
        """In the background, while records go on."""
        store = self.store(rotate_size=3000)
        await store.open({})
        for number in range(1, 21):
            await store.append(record(number))
        await self.until(lambda: sum(not packed for _, packed in list_segments(self.data_dir)) <= 1)
        self.assertEqual(stored_ids(self.data_dir), {f"id{number}": 1 for number in range(1, 21)})

    async def test_second_store_is_refused(self) -> None:
        """Until the first is closed."""
        first = self.store()
        await first.open({})
        second = self.store()
        await self.assertFailure(second.open({}), DataDirBusy)
        await second.close()
        await first.close()
        await self.store().open({})

    async def test_numbers_are_not_given_twice_when_a_segment_cannot_be_read(self) -> None:
        """A disk that fails once in reading is asked again; where it goes on failing, the index knows the numbers."""
        first = self.store(compress="none")
        await first.open({})
        await gatherResults([first.append(record(number, "a")) for number in range(1, 8)])
        await first.close()
        bring_up(self.data_dir)
        for code in (errno.EIO, errno.EMFILE):
            for at in range(1, 6):
                store = self.store(FlakyReads(at, code))
                recovery = await store.open({})
                self.assertEqual((store.last_seq("a"), recovery.unread), (7, []), at)
                await store.close()
        (name, _) = list_segments(self.data_dir)[0]
        for path in (plain_path(self.data_dir, name), compressed_path(self.data_dir, name)):
            if path.exists():
                path.unlink()
        os.mkfifo(plain_path(self.data_dir, name), 0o600)
        store = self.store()
        recovery = await store.open({})
        self.assertEqual((store.last_seq("a"), recovery.unread), (7, [name]))

    async def test_unusable_directory(self) -> None:
        """Fails with the typed error, and can be closed nevertheless."""
        self.data_dir.mkdir(mode=0o755)
        os.chmod(self.data_dir, 0o755)
        store = self.store()
        await self.assertFailure(store.open({}), DataDirError)
        self.assertEqual(store.health()["store"], "degraded")

    async def test_sick_disk(self) -> None:
        """Degraded while it is sick, ok again soon after, nothing lost."""
        disk = FailingDisk(("create", "write"), 4, 2, errno.ENOSPC)
        store = self.store(disk)
        await store.open({})
        await store.append(record(1))
        waiting = store.append(record(2))
        await self.until(lambda: store.health()["store"] == "degraded")
        await waiting
        self.assertEqual(store.health()["store"], "ok")

    async def test_dead_disk_at_the_end(self) -> None:
        """Closing ends, and says what was dropped."""
        store = self.store(FailingDisk(("create",), 1, 1 << 30, errno.EROFS))
        await store.open({})
        waiting = DeferredList([store.append(record(number)) for number in (1, 2)], consumeErrors=True)
        await store.close()
        results = await waiting
        self.assertEqual([failure.value.reason for _, failure in results], ["disk", "disk"])
        self.assertEqual(store.health()["dropped"]["disk"], 2)

    async def test_overload(self) -> None:
        """Beyond the bound records are refused at once and counted; nothing waits, everything adds up."""
        store = self.store(queue_count=10)
        await store.open({})
        results = await DeferredList([store.append(record(number)) for number in range(1, 200)], consumeErrors=True)
        dropped = [result for good, result in results if not good]
        self.assertTrue(all(failure.check(Dropped) for failure in dropped))
        counts = store.health()
        self.assertEqual(counts["dropped"]["queue"], len(dropped))
        self.assertEqual(counts["stored"] + len(dropped), 199)
        self.assertEqual(len(stored_ids(self.data_dir)), counts["stored"])

    async def test_forget(self) -> None:
        """A session is removed wherever it is, its neighbours stay, its numbers are not given again."""
        store = self.store(rotate_size=3000)
        await store.open({})
        for number in range(1, 11):
            await store.append(record(number, "gone" if number % 2 else "stays"))
        self.assertGreater(await store.forget("gone"), 1)
        self.assertEqual({each["session_id"] for each in stored(self.data_dir)}, {"stays"})
        await store.close()
        again = self.store()
        await again.open({})
        self.assertEqual((again.last_seq("gone"), again.last_seq("stays")), (9, 10))

    async def test_close_twice_and_append_after(self) -> None:
        """Both closings fire; what comes too late is dropped and counted."""
        store = self.store()
        await store.open({})
        await gatherResults([store.close(), store.close()])
        await store.close()
        await self.assertFailure(store.forget("s"), RuntimeError)
        error = await self.assertFailure(store.append(record(1)), Dropped)
        self.assertEqual(error.reason, "shutdown")
