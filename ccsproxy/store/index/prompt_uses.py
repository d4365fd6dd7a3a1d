"""The distinct system prompts and tool sets: which sessions and clients used each, how often, since when."""

import sqlite3

import attr
import msgspec

from ccsproxy.insight.facts import Call, Item
from ccsproxy.insight.prompt.prompts import KINDS, prompt_id
from ccsproxy.store.index.facts.packing import packed, unpacked

TABLES = """
CREATE TABLE prompts (prompt INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, items BLOB NOT NULL);
CREATE TABLE prompt_uses (
    prompt INTEGER NOT NULL, session INTEGER NOT NULL, client INTEGER NOT NULL, client_version INTEGER NOT NULL,
    first_key INTEGER NOT NULL, last_key INTEGER NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (prompt, session, client, client_version)) WITHOUT ROWID;
"""

_items = msgspec.msgpack.Decoder(tuple[Item, ...])
#: Characters of a prompt's beginning that are kept with it.
_BEGINNING = 160


class PromptUses:
    """Counts which calls send which prompts, within the index's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self, key: int, session: int, call: Call) -> None:
        """Count a call of the conversation; prompts of side calls are not the agent's."""
        if call.role != "main":
            return
        for kind in KINDS:
            name = prompt_id(call, kind)
            if name is not None:
                self._connection.execute(_COUNT, (self._number(name, kind, call), session, key, key, key))

    def forget(self, session: int) -> None:
        """Forget what a session sent; its remaining calls are counted again."""
        self._connection.execute("DELETE FROM prompt_uses WHERE session = ?", (session,))

    def sweep(self) -> None:
        """Remove the prompts that no session sent."""
        self._connection.execute("DELETE FROM prompts WHERE prompt NOT IN (SELECT prompt FROM prompt_uses)")

    def _number(self, name: str, kind: str, call: Call) -> int:
        found = self._connection.execute("SELECT prompt FROM prompts WHERE id = ?", (name,)).fetchone()
        if found is None:
            values = (name, kind, packed(msgspec.msgpack.encode(_in_short(call.of_level(kind)))))
            sql = "INSERT INTO prompts (id, kind, items) VALUES (?, ?, ?)"
            return int(self._connection.execute(sql, values).lastrowid or 0)
        return int(found[0])


def _in_short(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the part of a prompt that a list of prompts shows."""
    found = []
    for item in items:
        parts = tuple(msgspec.structs.replace(part, quote=part.quote[:_BEGINNING]) for part in item.parts)
        found.append(msgspec.structs.replace(item, parts=parts, pieces=()))
    return tuple(found)


@attr.frozen
class PromptSpan:
    """A distinct system prompt or tool set, by the keys of the calls that sent it first and last.

    :ivar clients: how many calls each client, with its version, sent it in.
    """

    kind: str
    id: str
    items: tuple[Item, ...]
    first_key: int
    last_key: int
    calls: int
    sessions: int
    clients: dict[str, int]


def prompt_spans(connection: sqlite3.Connection, most: int) -> list[PromptSpan]:
    """Return the distinct prompts, those used last first."""
    spans = []
    for prompt, kind, name, data, first, last, calls, sessions in connection.execute(_SPANS, (most,)).fetchall():
        clients = {
            f"{client or ''} {version or ''}".strip() or "unknown": count
            for client, version, count in connection.execute(_CLIENTS, (prompt,))
        }
        items = _items.decode(unpacked(data))
        spans.append(PromptSpan(kind, name, items, first, last, calls, sessions, clients))
    return spans


_COUNT = (
    "INSERT INTO prompt_uses SELECT ?, ?, ifnull(client, 0), ifnull(client_version, 0), ?, ?, 1 "
    "FROM request_rows WHERE key = ? "
    "ON CONFLICT DO UPDATE SET first_key = min(first_key, excluded.first_key), "
    "last_key = max(last_key, excluded.last_key), calls = calls + 1"
)
_SPANS = (
    "SELECT prompt, kind, id, items, min(first_key), max(last_key) AS last, sum(calls), count(DISTINCT session) "
    "FROM prompt_uses JOIN prompts USING (prompt) GROUP BY prompt ORDER BY last DESC LIMIT ?"
)
_CLIENTS = (
    "SELECT client.value, version.value, sum(calls) FROM prompt_uses "
    "LEFT JOIN names AS client ON client.name = client LEFT JOIN names AS version ON version.name = client_version "
    "WHERE prompt = ? GROUP BY 1, 2"
)
