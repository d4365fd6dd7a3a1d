"""The texts of the index: what each request says that its session has not said before.

Agents send the whole conversation again each turn. A text is indexed with the request that says it first in its
session, which makes the index small and lets a search find the turn in which something was said.
"""

import hashlib
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator

import attr
import msgspec

from ccsproxy.store.index.previews import Preview, preview_of
from ccsproxy.store.index.record_texts import (
    KINDS,
    Text,
    may_call_tools,
    request_texts,
    response_texts,
    tool_names,
)
from ccsproxy.store.summary import Entry

#: How many sessions' conversations are remembered, to pass over what they send again.
REMEMBERED = 128


@attr.frozen
class Said:
    """What a record says.

    :ivar texts: those that are new in its session.
    :ivar tools: names of the tools that the answer calls.
    :ivar preview: what the call was about.
    """

    texts: list[Text]
    tools: list[str]
    preview: Preview


class Texts:
    """Finds and writes what is new; within the index's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heard: OrderedDict[str, set[int]] = OrderedDict()
        self._unwritten: list[tuple[int | str, ...]] = []

    def said(self, entry: Entry, session: int | None, key: int) -> Said:
        """Return what a record says, and remember that it is said.

        :param session: the session's number.
        :param key: the request's order key.
        """
        try:
            text = bytes(entry.response.body_reassembled) if entry.response else b"null"
            answer = msgspec.json.decode(text)
            tools = tool_names(answer) if may_call_tools(text) else []
        except (msgspec.DecodeError, RecursionError):
            answer, tools = None, []
        try:
            found = [
                *request_texts(bytes(entry.request.body), self._known(entry.session_id)),
                *response_texts(answer),
            ]
        except (msgspec.DecodeError, RecursionError):
            found = []
        return Said(list(self._first(found, session, key)), tools, preview_of(entry, answer, tools))

    def write(self, key: int, texts: list[Text]) -> None:
        """Index the texts of a request with the next `flush`."""
        columns = ["\n".join(text for kind, text in texts if kind == wanted and text) for wanted in KINDS]
        if any(columns):
            self._unwritten.append((key, *columns))

    def flush(self) -> None:
        """Write the texts, all of them at once and in the order of their keys.

        FTS5 gathers what is inserted in memory, but writes it out, as a tree of its own that has to be merged later,
        before a key that is not above the last one, and at every statement of the transaction that might have to be
        undone alone.
        """
        self._unwritten.sort()
        self._connection.executemany(
            "INSERT INTO passages (rowid, prompt, tool, result, answer) VALUES (?, ?, ?, ?, ?)", self._unwritten
        )
        self._unwritten.clear()

    def add(self, key: int, texts: list[Text]) -> None:
        """Index further texts of a request."""
        kept = self._connection.execute(_PASSAGE, (key,)).fetchone() or ("",) * len(KINDS)
        self._connection.execute("DELETE FROM passages WHERE rowid = ?", (key,))
        self.write(key, [*zip(KINDS, kept, strict=True), *texts])
        self.flush()

    def forget(self, session_id: str) -> None:
        """Forget what is known of a session's conversation: some of it is no longer indexed."""
        self._heard.pop(session_id, None)

    def forget_all(self) -> None:
        """Forget what is known of all conversations, and what is not written yet."""
        self._heard.clear()
        self._unwritten.clear()

    def _first(self, texts: list[Text], session: int | None, key: int) -> Iterator[Text]:
        """Yield the texts that are new in their session, and remember them."""
        for kind, text in texts:
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            row = (session, int.from_bytes(digest, signed=True), key)
            if self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", row).rowcount == 1:
                yield kind, text

    def _known(self, session_id: str) -> "_Known":
        """Return who tells which items of a session were read before; the sessions not heard of for longest go."""
        heard = self._heard.setdefault(session_id, set())
        self._heard.move_to_end(session_id)
        if len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)
        return _Known(heard)


class _Known:
    """Tells which items of a conversation were read before, and remembers the others."""

    def __init__(self, heard: set[int]) -> None:
        self._heard = heard

    def __call__(self, item: bytes) -> bool:
        name = hash(item)
        if name in self._heard:
            return True
        self._heard.add(name)
        return False


_PASSAGE = f"SELECT {', '.join(KINDS)} FROM passages WHERE rowid = ?"  # noqa: S608  (column names of our own)
