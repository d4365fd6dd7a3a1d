"""The full-text index: which request first contained a text in its session.

Agents send the whole conversation again each turn. A text belongs to the request that contains it first in its
session, so that a search finds the turn in which something was said. A text that many sessions contain (a system
prompt, a file) is stored once per shard, with a link to each session.
"""

import hashlib
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import attr
import msgspec

from ccsproxy.store.index.texts.previews import Preview, preview_of
from ccsproxy.store.index.texts.record_texts import Text, may_call_tools, request_texts, response_texts, tool_names
from ccsproxy.store.index.texts.shards import Shard, Shards, shards_of
from ccsproxy.store.summary import Entry

#: For how many sessions the conversation is cached, to skip what they repeat.
REMEMBERED = 128
#: How many bytes an answer has that is not copied.
_LONG = 1 << 20


@attr.frozen
class SaidText:
    """The texts of a record.

    :ivar tools: names of the tools that the answer calls.
    :ivar preview: what the call was about.
    """

    tools: list[str]
    preview: Preview


class Texts:
    """Finds and writes new texts, within the index's transactions.

    Invariant: a text of the current shard has one number; `_numbers` has them all, or is null and read when needed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._shards = Shards(connection)
        self._heard: OrderedDict[str, set[int]] = OrderedDict()
        self._numbers: dict[int, int] | None = None
        self._shard: Shard | None = None
        self._next = 0
        self._unwritten: list[tuple[int, str]] = []
        self._links: list[tuple[int, int]] = []

    def say(self, entry: Entry, session: int | None, key: int) -> SaidText:
        """Index the texts of a record; they are written with the next `flush`.

        :param session: the session's number.
        :param key: the request's order key.
        """
        answer, tools = answer_of(entry)
        try:
            found = [
                *request_texts(entry.request.body, self._known(entry.session_id)),
                *response_texts(answer),
            ]
        except (msgspec.DecodeError, RecursionError):
            found = []
        for _, text in found:
            self._say(text, session, key)
        return SaidText(tools, preview_of(entry, answer, tools))

    def flush(self) -> None:
        """Write the texts of a batch, and the links to them."""
        if not self._links:
            return
        shard = self._current()
        self._connection.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", self._links)
        self._shard = self._shards.add(shard, self._unwritten, {key for _, key in self._links})
        self._unwritten, self._links = [], []
        if self._shards.current() is None:  # it is full
            self._numbers = self._shard = None

    def forget(self, session_id: str, session: int | None) -> None:
        """Forget the texts of a session's removed requests, so that they can be attributed to its other requests."""
        self._heard.pop(session_id, None)
        self._connection.execute(_UNSAY, (session, session_id))

    def forget_all(self) -> None:
        """Clear the cache of all conversations, and what is not written yet."""
        self._heard.clear()
        self._numbers = self._shard = None
        self._unwritten, self._links = [], []

    def drop_unsaid(self) -> list[Shard]:
        """Drop the shards without remaining requests.

        :return: those of which less than half is left, to be rebuilt.
        """
        (oldest,) = self._connection.execute("SELECT min(key) FROM request_rows").fetchone()
        outdated = [each for each in shards_of(self._connection) if oldest is None or each.first_key < oldest]
        lean = []
        for shard in outdated:
            alive, dead = self._connection.execute(_ALIVE_AND_DEAD, (shard.first, shard.last)).fetchone()
            if not alive:
                # Shards are ordered by time, as retention is: mostly a whole one is removed, and nothing has to be
                # rewritten.
                self._shards.drop(shard)
                self._numbers = self._shard = None
            elif dead > alive:
                lean.append(shard)
        return lean

    def with_removed_texts(self) -> list[Shard]:
        """Return the shards with a text that no request contains any more."""
        return [
            shard
            for shard in shards_of(self._connection)
            if self._connection.execute(_ANY_ORPHAN, (shard.first, shard.last)).fetchone()
        ]

    def sayers(self, shard: Shard) -> list[int]:
        """Return keys of requests that together contain every text of a shard that is still in use."""
        rows = self._connection.execute(_SAYERS, (shard.first, shard.last))
        return [key for (key,) in rows]

    def remake(self, shard: Shard, entries: Iterable[Entry]) -> None:
        """Rebuild a shard from the remaining requests.

        :param entries: those of `sayers`.
        """
        self._connection.execute(_DROP_DEAD_LINKS, (shard.first, shard.last))
        rows = self._connection.execute(_TEXTS_OF, (shard.first, shard.last))
        numbers: dict[int, int] = dict(rows.fetchall())
        texts: dict[int, str] = {}
        for entry in entries:
            for text in texts_of(entry):
                number = numbers.get(digest(text))
                if number is not None:
                    # By the number that it had: links of requests that are left stay valid.
                    texts[number] = text
        self._shards.remake(shard, texts.items())
        self._numbers = self._shard = None

    def pack(self) -> None:
        """Merge what was added into larger segments, if that is worth while."""
        self._shards.pack()

    def _say(self, text: str, session: int | None, key: int) -> None:
        """Index a text, unless it occurred in its session before."""
        numbers = self._numbers if self._numbers is not None else self._read_numbers()
        name = digest(text)
        number = numbers.get(name)
        row = (session, name, number or self._next)
        # One statement checks and inserts: most texts occurred before, and this is the busiest line of the index.
        if self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", row).rowcount != 1:
            return
        if number is None:
            number = numbers[name] = self._next
            self._next += 1
            self._unwritten.append((number, text))
        self._links.append((number, key))

    def _current(self) -> Shard:
        if self._shard is None:
            self._shard = self._shards.current() or self._shards.begin()
        return self._shard

    def _read_numbers(self) -> dict[int, int]:
        """Read the numbers of the current shard's texts by their digests."""
        self._next = self._shards.next_text()
        first = self._current().first
        rows = self._connection.execute("SELECT hash, text FROM seen WHERE text >= ?", (first,))
        self._numbers = dict(rows.fetchall())
        return self._numbers

    def _known(self, session_id: str) -> "_Known":
        """Return the filter for known items of a session; the least recently used sessions are evicted."""
        heard = self._heard.setdefault(session_id, set())
        self._heard.move_to_end(session_id)
        if len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)
        return _Known(heard)


class _Known:
    """Tells which items of a conversation were indexed before, and remembers the others."""

    def __init__(self, heard: set[int]) -> None:
        self._heard = heard

    def __call__(self, item: bytes) -> bool:
        name = hash(item)
        if name in self._heard:
            return True
        self._heard.add(name)
        return False


def digest(text: str) -> int:
    """Name a text by a number of 64 bits."""
    name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(name, signed=True)


def answer_of(entry: Entry) -> tuple[object, list[str]]:
    """Return the reassembled answer as decoded JSON, null without any, and the names of the tools that it calls."""
    try:
        text = entry.response.body_reassembled if entry.response else msgspec.Raw(b"null")
        answer = msgspec.json.decode(text)
        # One of megabytes is not copied to be looked through.
        calls = memoryview(text).nbytes > _LONG or may_call_tools(bytes(text))
        return answer, tool_names(answer) if calls else []
    except (msgspec.DecodeError, RecursionError):
        return None, []


def texts_of(entry: Entry) -> Iterator[str]:
    """Yield all texts of a record, new ones or not, in their order."""
    try:
        found: list[Text] = [*request_texts(entry.request.body), *response_texts(answer_of(entry)[0])]
    except (msgspec.DecodeError, RecursionError):
        return
    yield from (text for _, text in found)


_UNSAY = (
    "DELETE FROM seen WHERE session = ?1 AND NOT EXISTS (SELECT 1 FROM links JOIN request_rows USING (key) "
    "WHERE links.text = seen.text AND request_rows.session_id = "
    "(SELECT name FROM names WHERE field = 'session_id' AND value = ?2))"
)
_ALIVE_AND_DEAD = (
    "SELECT count(row.key), count(*) - count(row.key) FROM links LEFT JOIN request_rows AS row USING (key) "
    "WHERE text BETWEEN ? AND ?"
)
_ANY_ORPHAN = (
    "SELECT 1 FROM links LEFT JOIN request_rows USING (key) WHERE text BETWEEN ? AND ? "
    "GROUP BY text HAVING count(request_rows.key) = 0 LIMIT 1"
)
_SAYERS = (
    "SELECT DISTINCT key FROM (SELECT min(key) AS key FROM links JOIN request_rows USING (key) "
    "WHERE text BETWEEN ? AND ? GROUP BY text)"
)
_DROP_DEAD_LINKS = (
    "DELETE FROM links WHERE text BETWEEN ? AND ? "
    "AND NOT EXISTS (SELECT 1 FROM request_rows AS sayer WHERE sayer.key = links.key)"
)
_TEXTS_OF = "SELECT hash, text FROM seen WHERE text BETWEEN ? AND ?"
