"""Tests of the texts of the index: each once in its shard, found where it was said first, gone when it is removed."""

from typing import Any

from ccsproxy.store.index.file import open_for_reading
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.index.texts import shards
from ccsproxy.store.query import Query
from ccsproxy.store.segments.segment import list_segments, plain_path
from test.store.corpus import Corpus, Shape
from test.store.index.test_index import StoreCase
from test.store.rows import contains_terms


def conversations(sessions: int, turns: int) -> list[dict[str, Any]]:
    """Return records of sessions that share a system prompt and say one word of their own each turn."""
    corpus, found = Corpus(Shape(system_words=40, turn_words=20)), []
    for number in range(sessions):
        messages: list[dict[str, Any]] = []
        for turn, record in enumerate(corpus.session(turns), 1):
            messages.append({"role": "user", "content": f"own{number}x{turn} shared words of everybody"})
            record["request"]["body"] |= {"system": "umbrella policy for all", "messages": list(messages)}
            record["session_id"] = f"session-{number}"
            found.append(record)
    return found


class TextCase(StoreCase):
    """A store with small shards."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(shards, "SHARD_SIZE", 2500)

    def search(self, words: str, **more: Any) -> list[str]:
        return [item["id"] for item in self.reader.requests(Query(q=words, limit=1000, **more)).items]

    def shards(self) -> list[shards.Shard]:
        connection = open_for_reading(self.data_dir)
        try:
            return shards.shards_of(connection)
        finally:
            connection.close()


class ShardTests(TextCase):
    """Several shards answer as one."""

    def test_first_saying_across_shards(self) -> None:
        """What a session said is found with the request that said it first, whichever shard the others fall into."""
        records = conversations(6, 8)
        for record in records:
            self.segments.write(record)
            if record["seq"] % 3 == 0:
                self.feed()
        self.feed()
        self.assertGreater(len(self.shards()), 2)
        for number in range(6):
            for turn in (1, 5, 8):
                wanted = [each["id"] for each in records
                          if each["session_id"] == f"session-{number}" and each["seq"] == turn]  # fmt: skip
                self.assertEqual(self.search(f"own{number}x{turn}"), wanted)
        firsts = sorted((each["id"] for each in records if each["seq"] == 1), reverse=True)
        self.assertEqual(self.search("umbrella"), firsts)

    def test_pages(self) -> None:
        """Page after page gives every request once, the newest first, also with filters."""
        records = conversations(5, 6)
        self.segments.write(*records)
        self.feed()
        before, found = 0, []
        while True:
            page = self.reader.requests(Query(q="shared", limit=4, before=before))
            found += [item["id"] for item in page.items]
            if page.before is None:
                break
            before = int(page.before)
        self.assertEqual(found, sorted((each["id"] for each in records), reverse=True))
        only = self.search("shared", session=("session-2",))
        self.assertEqual(
            only, [each for each in found if each in {r["id"] for r in records if r["session_id"] == "session-2"}]
        )

    def test_terms_in_different_texts_of_a_request(self) -> None:
        """All terms must be said by one request, not by one text of it."""
        records = conversations(2, 2)
        self.segments.write(*records)
        self.feed()
        self.assertEqual(self.search("umbrella own1x1"), [records[2]["id"]])
        self.assertEqual(self.search("umbrella own1x2"), [])
        self.assertEqual(self.search('"policy for" own0*'), [records[0]["id"]])

    def test_the_same_text_is_there_once(self) -> None:
        """A text of a hundred sessions is one row of its shard with a link to each."""
        self.patch(shards, "SHARD_SIZE", 1 << 20)
        self.segments.write(*conversations(100, 1))
        self.feed()
        connection = open_for_reading(self.data_dir)
        self.addCleanup(connection.close)
        (table,) = [shards.table_of(each.shard) for each in shards.shards_of(connection)]
        found = connection.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH 'umbrella'").fetchall()
        self.assertEqual(len(found), 1)
        self.assertEqual(len(self.search("umbrella")), 100)

    def test_excerpts(self) -> None:
        """An excerpt is cut out of the record around the words, whatever escapes are there."""
        record = conversations(1, 1)[0]
        said = 'before "quoted" words\\n and a path C:\\\\temp then the Zebra crosses\tthe ' + "long " * 40 + "road"
        record["request"]["body"]["messages"] = [{"role": "user", "content": said}]
        self.segments.write(record)
        self.feed()
        (item,) = self.reader.requests(Query(q="zebra")).items
        self.assertIn("then the Zebra crosses the long", item["excerpt"])
        self.assertLess(len(item["excerpt"]), 250)
        (item,) = self.reader.requests(Query(q="roa*")).items
        self.assertTrue(item["excerpt"].endswith("road"))


class RemovalTests(TextCase):
    """What goes with its segment, and what is removed on purpose."""

    def fill(self) -> list[dict[str, Any]]:
        records = conversations(8, 6)
        for record in records:
            self.segments.write(record)
            if record["seq"] == 6:
                self.segments._left = 0  # a segment for each session
        return records

    def test_shards_go_with_their_requests(self) -> None:
        """When the oldest segments expire their shards are dropped, and the rest is found as before."""
        self.fill()
        self.feed()
        before = len(self.shards())
        names = [name for name, _ in list_segments(self.data_dir)]
        for name in names[:6]:
            plain_path(self.data_dir, name).unlink()
        self.feed()
        self.assertLess(len(self.shards()), before)
        self.assertEqual(self.search("own0x1"), [])
        self.assertEqual(len(self.search("own7x3")), 1)
        self.assertEqual(len(self.search("umbrella")), 2)

    def test_one_large_shard_is_remade(self) -> None:
        """A shard of which less than half is left does not keep the words of the others."""
        self.patch(shards, "SHARD_SIZE", 1 << 20)
        self.fill()
        self.feed()
        for name, _ in list_segments(self.data_dir)[:6]:
            plain_path(self.data_dir, name).unlink()
        self.feed()
        self.assertEqual(contains_terms(self.data_dir, "own0x1"), [])
        self.assertEqual(len(self.shards()), 1)
        self.assertEqual(len(self.search("own7x3")), 1)

    def test_nothing_of_what_is_removed_is_left(self) -> None:
        """After a removal the words are in no page of the index, and others that shared a text are found by it."""
        self.fill()
        self.feed()
        for name, _ in list_segments(self.data_dir):
            path = plain_path(self.data_dir, name)
            if b"own3x1" in path.read_bytes():
                path.unlink()
        self.assertEqual(bring_up(self.data_dir, squeeze=True), "")
        data = b"".join(path.read_bytes() for path in self.data_dir.glob(NAME + "*"))
        self.assertNotIn(b"own3x", data)
        self.assertNotIn(b"session-3", data)
        self.assertIn(b"own2x", data)
        self.assertEqual(len(self.search("umbrella")), 7)
