"""Two and more actions at once that write, in every order of steps; see `test.store.actors`."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.directory import DataDirBusy, Lock, prepare
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.segments.files import Files
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import mark_key
from test.effort import THOROUGH
from test.store.actors import Actors
from test.store.disks import scratch
from test.store.records import stored, stored_ids


class InterleavingCase(SynchronousTestCase):
    """Runs actions in the order of each seed."""

    seeds = range(600) if THOROUGH else range(60)

    def each(self, actions: Callable[[Actors], dict[str, Callable[[], None]]], **settings: Any) -> Any:
        for seed in self.seeds:
            actors = Actors(scratch(self), seed, **settings)
            actors.write("a", "b", "c", "a", "b")
            actors.scheduler.run(actions(actors))
            self.assertEqual(actors.maintenance.trouble, "", seed)
            yield seed, actors
            actors.state.close()

    def check(self, seed: int, actors: Actors, *gone: str) -> None:
        """See that exactly what was stored of the other sessions is there, now and after a restart."""
        wanted = Counter(each for each, session in actors.acked.items() if session not in gone)
        for _ in range(2):
            found = Counter({each: count for each, count in stored_ids(actors.data_dir).items()
                             if actors.acked[each] not in gone})  # fmt: skip
            self.assertEqual(found, wanted, seed)
            result = recover(Files(), actors.data_dir, (), 1000.0)
            self.assertEqual((result.problems, result.unclean), ([], []), seed)


class WritingTests(InterleavingCase):
    """Whatever the order of steps, nothing is lost, nothing is there twice, and what was removed is gone."""

    def test_rm_and_rm_while_it_is_written(self) -> None:
        """Two removals, the care of the segments and the writer; a last removal finds what was written meanwhile."""
        for seed, actors in self.each(lambda actors: {
            "writer": lambda: actors.write("c", "a", "b", "c", "a", "c"),
            "care": lambda: (actors.maintenance.round(), actors.forget("a"), actors.forget("b")),
        }):  # fmt: skip
            self.check(seed, actors, "a", "b")
            actors.rotate()
            actors.forget("a")
            actors.forget("b")
            self.assertEqual({each["session_id"] for each in stored(actors.data_dir)}, {"c"}, seed)
            self.assertEqual(set(actors.state.marks()), {mark_key("a"), mark_key("b")}, seed)

    def test_rm_and_rotate(self) -> None:
        """A segment that is closed while a removal looks for it is removed from, or the next removal finds it."""
        for seed, actors in self.each(lambda actors: {
            "writer": lambda: (actors.rotate(), actors.write("b", "a"), actors.rotate(), actors.write("c")),
            "care": lambda: actors.forget("a"),
        }):  # fmt: skip
            self.check(seed, actors, "a")
            actors.rotate()
            actors.forget("a")
            self.assertNotIn("a", {each["session_id"] for each in stored(actors.data_dir)})

    def test_keep_and_retain(self) -> None:
        """A session whose star was set is kept from then on; what went before went before the command said so."""
        kept_at: list[int] = []

        def actions(actors: Actors) -> dict[str, Callable[[], None]]:
            actors.rotate()
            kept_at.clear()

            def keep() -> None:
                actors.keep("a")
                kept_at.append(sum(each["session_id"] == "a" for each in stored(actors.data_dir)))

            return {
                "keep": keep,
                "care": lambda: actors.maintenance.round(),
                "writer": lambda: actors.write("b", "b"),
            }

        outcomes = set()
        for seed, actors in self.each(actions, retain_size=1):
            actors.rotate()
            actors.maintenance.round()
            left = [each["session_id"] for each in stored(actors.data_dir)]
            self.assertEqual(left, ["a"] * kept_at[0], seed)
            outcomes.add(kept_at[0])
        self.assertTrue({0, 2} <= outcomes, outcomes)

    def test_keep_and_keep(self) -> None:
        """Stars set and taken off by several programs at once are what each of them said."""
        for seed, actors in self.each(lambda actors: {
            "one": lambda: actors.keep("a", "x1", "x2"),
            "two": lambda: actors.keep("b", "y1", "y2"),
        }):  # fmt: skip
            self.assertEqual(actors.state.stars(), {"a", "b", "x1", "x2", "y1", "y2"}, seed)

    def test_import_and_record(self) -> None:
        """Nothing is imported into a data dir that a service writes, nor does a service begin while it is."""
        data_dir = scratch(self) / "data"
        prepare(data_dir)
        lock = Lock(data_dir)
        self.assertRaises(DataDirBusy, OfflineStore, data_dir, StoreSettings())
        lock.release()
        with OfflineStore(data_dir, StoreSettings()):
            self.assertRaises(DataDirBusy, Lock, data_dir)
        Lock(data_dir).release()
