"""The session rows of the index: totals updated with each request, so that lists need not read requests."""

import sqlite3

import msgspec

from ccsproxy.clients.purpose import Purpose
from ccsproxy.exchange.outcome import Category
from ccsproxy.store.index.rows import Names, summary_of
from ccsproxy.store.index.schema import COLUMNS, SUMS
from ccsproxy.store.index.tallies import bounded_sum
from ccsproxy.store.summary import Summary


class SessionTotals(msgspec.Struct, kw_only=True):
    """One session's row; the sums are null while no summand is known.

    :ivar upstreams: those it called, one per line, the first one first; likewise `models`, `cwds` and `clients`.
    :ivar unpriced: how many of its calls lack a price.
    :ivar unpriced_models: their models, one per line.
    """

    number: int | None = None
    session_id: str
    started_key: int
    last_key: int
    started_at: str
    ended_at: str | None = None
    upstream: str | None = None
    dialect: str | None = None
    cwd: str | None = None
    client: str | None = None
    upstreams: str = ""
    models: str = ""
    cwds: str = ""
    clients: str = ""
    client_version: str | None = None
    title: str | None = None
    title_rank: int = 0
    title_key: int | None = None
    request_count: int = 0
    in_flight: int = 0
    errors: int = 0
    unpriced: int = 0
    unpriced_models: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None

    def fold(self, key: int, row: Summary, was_in_flight: bool) -> None:
        """Add a request.

        :param was_in_flight: whether it was added before, when it began.
        """
        running = row.outcome is None
        self.request_count += not was_in_flight
        self.in_flight += running - was_in_flight
        if key < self.started_key:
            self.started_key, self.started_at = key, row.started_at
        self.last_key = max(self.last_key, key)
        self._name(key, row)
        if not running:
            self._sum(row)

    def _name(self, key: int, row: Summary) -> None:
        # Probes and lists of models come first and from other libraries; the first model call identifies the client.
        first = row.category == Category.MODEL and self.dialect is None and row.client is not None
        for name in ("upstream", "cwd", "client", "client_version"):
            if name == "client_version" and row.client != self.client:
                continue  # it is another program's
            said, known = getattr(row, name), getattr(self, name)
            setattr(self, name, said if first and (said or name == "client_version") else known or said)
        for field, value in (
            ("upstreams", row.upstream),
            ("models", row.model),
            ("cwds", row.cwd),
            ("clients", row.client),
        ):
            kept = getattr(self, field)
            # By lines: a name may be a part of another one.
            if value and value not in kept.split("\n"):
                setattr(self, field, f"{kept}\n{value}" if kept else value)
        if row.category == Category.MODEL:
            self.dialect = self.dialect or row.dialect
            self._entitle(key, row)

    def _entitle(self, key: int, row: Summary) -> None:
        """Choose the best title: the agent's own, else the user's first prompt, else a sub-agent's."""
        rank = _title_rank(row)
        if row.preview is None or rank is None:
            return
        best = (self.title_rank, self.title_key) if self.title_key is not None else (len(_RANKS), 0)
        if (rank, key) < best:
            self.title, self.title_rank, self.title_key = row.preview, rank, key

    def _sum(self, row: Summary) -> None:
        self.errors += row.has_error
        if row.unpriced:
            self.unpriced += 1
            models = {*filter(None, self.unpriced_models.split("\n")), row.response_model or row.model or ""}
            self.unpriced_models = "\n".join(sorted(models))
        self.ended_at = max(self.ended_at or "", row.ended_at or "") or None
        for name in SUMS:
            value = getattr(row, name)
            if value is not None:
                setattr(self, name, bounded_sum(getattr(self, name), value))


#: The kinds of session titles, best first.
_RANKS = ("an answered title", "the user's prompt", "a sub-agent's prompt", "the prompt of a side call")


def _title_rank(row: Summary) -> int | None:
    """Return the rank of a call's preview as a title; None if it is not one."""
    if row.about == "title":
        return 0
    if row.about != "prompt":
        return None
    if row.purpose not in (None, Purpose.MAIN):
        return 3
    return 2 if row.agent or row.parent_agent else 1


FIELDS = SessionTotals.__struct_fields__
_SELECT = f"SELECT {', '.join(FIELDS)} FROM sessions WHERE session_id = ?"  # noqa: S608  (column names of our own)
_WRITE = f"INSERT OR REPLACE INTO sessions ({', '.join(FIELDS)}) VALUES ({', '.join('?' * len(FIELDS))})"  # noqa: S608
_INSERT = _WRITE.replace("INSERT OR REPLACE", "INSERT", 1)
_UPDATE = f"UPDATE sessions SET {', '.join(f'{name} = ?' for name in FIELDS[1:])} WHERE {FIELDS[0]} = ?"  # noqa: S608
# The sign, here and elsewhere: see `ccsproxy.store.reader.lists.OF_SESSION`.
_ROWS = (
    f"SELECT key, {', '.join(COLUMNS)} FROM request_rows "  # noqa: S608  (column names of our own)
    "WHERE session_id = (SELECT +name FROM names WHERE field = 'session_id' AND value = ?) ORDER BY key"
)


class SessionRows:
    """The sessions that a batch touches, read at the first touch and written at the batch's end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._touched: dict[str, SessionTotals] = {}
        self._names = Names(connection)

    def session(self, key: int, row: Summary) -> SessionTotals:
        """Return the session of a request; a new one if there is none yet."""
        session = self._touched.get(row.session_id)
        if session is None:
            session = self._touched[row.session_id] = self._read(row.session_id) or self._begin(key, row)
        return session

    def flush(self) -> None:
        """Write the sessions that were touched."""
        # An update, because replacing an existing row would remove it from the index and insert it again.
        rows = map(msgspec.structs.astuple, self._touched.values())
        self._connection.executemany(_UPDATE, [(*values, number) for number, *values in rows])
        self.forget()

    def forget(self) -> None:
        """Drop what was not written."""
        self._touched.clear()
        self._names.clear()

    def fold_again(self, session_id: str) -> None:
        """Recompute a session's row from its remaining requests; without any it is removed."""
        old = self._read(session_id)
        # The batch's changes to it belong to rows that are gone.
        self._touched.pop(session_id, None)
        session: SessionTotals | None = None
        for key, *values in self._connection.execute(_ROWS, (session_id,)):
            row = summary_of(self._names, key, values)
            if session is None:
                session = new_session(key, row)
                session.number = old.number if old else None
            session.fold(key, row, was_in_flight=False)
        if session is not None:
            self._connection.execute(_WRITE, msgspec.structs.astuple(session))
        elif old is not None:
            self._connection.execute("DELETE FROM seen WHERE session = ?", (old.number,))
            self._connection.execute("DELETE FROM sessions WHERE number = ?", (old.number,))

    def number(self, session_id: str) -> int | None:
        """Return a session's number; null if there is none."""
        found = self._connection.execute("SELECT number FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
        return int(found[0]) if found else None

    def _read(self, session_id: str) -> SessionTotals | None:
        found = self._connection.execute(_SELECT, (session_id,)).fetchone()
        return SessionTotals(**dict(zip(FIELDS, found, strict=True))) if found else None

    def _begin(self, key: int, row: Summary) -> SessionTotals:
        session = new_session(key, row)
        session.number = self._connection.execute(_INSERT, msgspec.structs.astuple(session)).lastrowid
        return session


def new_session(key: int, row: Summary) -> SessionTotals:
    """Create a session for its first request, which is then added like the others."""
    return SessionTotals(session_id=row.session_id, started_key=key, last_key=key, started_at=row.started_at)
