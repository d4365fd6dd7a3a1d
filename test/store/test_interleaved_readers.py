"""Readers, shipping and the index while segments change, in every order of steps; see `test.store.actors`."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import attr

from ccsproxy.exchange import codec
from ccsproxy.store.index.follower import bring_up, rebuild
from ccsproxy.store.state.shipments import Position, Shipments
from test.effort import THOROUGH
from test.store import test_interleaving
from test.store.actors import Actors
from test.store.records import stored, stored_ids
from test.store.rows import rows


def _changed(line: bytes) -> bytes:
    """Replace what every record says, as the rules of redaction would."""
    head = codec.head(line)
    if head.event != "record":
        return line
    value = codec.decode(line)
    value["request"]["body"] = "changed"
    return codec.encode(value)


class ReadingTests(test_interleaving.InterleavingCase):
    """Who reads, ships or indexes while segments change has everything in the end, and nothing twice."""

    seeds = range(300) if THOROUGH else range(30)

    def indexed(self, actors: Actors) -> Any:
        """Bring the index up, and return what it says."""
        bring_up(actors.data_dir)
        return rows(actors.data_dir)

    def anew(self, actors: Actors) -> Any:
        """Return what an index of the same segments says that is made anew."""
        rebuild(actors.data_dir)
        return rows(actors.data_dir)

    def test_rewrite_and_ship(self) -> None:
        """A target has every record, as it was before or as it is now."""
        for seed, actors in self.each(lambda actors: {
            "scan": lambda: (actors.rotate(), actors.change(_changed)),
            "ship": lambda: actors.ship(12),
        }):  # fmt: skip
            actors.ship()
            self.assertEqual({each for each, _ in actors.shipped}, set(actors.acked), seed)
            self.assertEqual({str(each["request"]["body"]) for each in stored(actors.data_dir)}, {"changed"}, seed)

    def test_retain_and_ship(self) -> None:
        """Every record was shipped, or is counted as missed."""

        def actions(actors: Actors) -> dict[str, Callable[[], None]]:
            Shipments(actors.state).begin("target", Position())
            return {
                "care": lambda: (actors.maintenance.round(), actors.maintenance.round()),
                "ship": lambda: actors.ship(12),
                "writer": lambda: (actors.rotate(), actors.write("d", "d")),
            }

        lost = 0
        for seed, actors in self.each(actions, retain_size=1, ship_hold=0):
            actors.ship()
            missed = Shipments(actors.state).every()["target"].missed
            lacking = set(actors.acked) - {each for each, _ in actors.shipped}
            self.assertEqual(lacking & set(stored_ids(actors.data_dir)), set(), seed)
            self.assertGreaterEqual(missed, len(lacking), seed)
            lost += len(lacking)
        self.assertGreater(lost, 0)

    def test_reindex_and_search(self) -> None:
        """An answer has all that was there, or is said to be incomplete."""

        def actions(actors: Actors) -> dict[str, Callable[[], None]]:
            bring_up(actors.data_dir)
            return {"reindex": actors.rebuild, "search": lambda: actors.search("said", 6)}

        for seed, actors in self.each(actions):
            for found, incomplete in actors.answers:
                self.assertTrue(incomplete or found == set(actors.acked), (seed, found))
            self.assertEqual(self.indexed(actors), self.anew(actors), seed)

    def test_rm_and_follow_and_rotate(self) -> None:
        """An index that followed all the while says what one says that is made anew."""
        for seed, actors in self.each(lambda actors: {
            "care": lambda: (actors.maintenance.round(), actors.forget("a")),
            "index": actors.follow,
            "writer": lambda: (actors.write("a", "c"), actors.rotate(), actors.write("b")),
        }):  # fmt: skip
            self.assertEqual(self.indexed(actors), self.anew(actors), seed)

    def test_rm_and_reindex(self) -> None:
        """A removed session is in no index, however it was made meanwhile."""
        for seed, actors in self.each(lambda actors: {
            "care": lambda: (actors.rotate(), actors.forget("a"), actors.forget("c")),
            "index": actors.rebuild,
        }):  # fmt: skip
            found = self.indexed(actors)
            self.assertEqual(found, self.anew(actors), seed)
            self.assertEqual({each[0] for each in found["sessions"]}, {"b"}, seed)

    def test_search_and_rm(self) -> None:
        """Nothing of another session is missing in an answer, nor is anything said that was never there."""

        def actions(actors: Actors) -> dict[str, Callable[[], None]]:
            bring_up(actors.data_dir)
            return {
                "care": lambda: (actors.rotate(), actors.forget("a")),
                "index": actors.follow,
                "search": lambda: actors.search("said", 6),
            }

        for seed, actors in self.each(actions):
            others = {each for each, session in actors.acked.items() if session != "a"}
            for found, incomplete in actors.answers:
                self.assertTrue(incomplete or others <= found <= set(actors.acked), (seed, found))

    def test_keep_and_rewrite(self) -> None:
        """A star that is set while another session is removed keeps its session through what follows."""
        for seed, actors in self.each(lambda actors: {
            "keep": lambda: actors.keep("b"),
            "care": lambda: (actors.forget("a"), actors.maintenance.round()),
            "writer": lambda: (actors.rotate(), actors.write("b", "c")),
        }):  # fmt: skip
            actors.rotate()
            actors.maintenance.round(attr.evolve(actors.settings, retain_size=1))
            left = Counter(each["session_id"] for each in stored(actors.data_dir))
            self.assertEqual(left, {"b": 3}, seed)

    def test_gc_and_rm(self) -> None:
        """A service does what two commands ask for one after the other, in either order, while it writes."""

        def care(actors: Actors, order: int) -> None:
            jobs = [lambda: actors.maintenance.round(attr.evolve(actors.settings, retain_size=3000)),
                    lambda: actors.forget("b")]  # fmt: skip
            for job in jobs if order else reversed(jobs):
                job()

        for order in (0, 1):
            for seed, actors in self.each(lambda actors, order=order: {
                "care": lambda: care(actors, order),
                "writer": lambda: (actors.rotate(), actors.write("a"), actors.rotate(), actors.write("b")),
            }):  # fmt: skip
                actors.rotate()
                actors.forget("b")
                left = {each["session_id"] for each in stored(actors.data_dir)}
                self.assertNotIn("b", left, seed)
                self.assertIn("a", left, seed)
                self.assertEqual(max(stored_ids(actors.data_dir).values()), 1, seed)
