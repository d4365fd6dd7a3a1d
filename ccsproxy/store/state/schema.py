"""The tables of the state, by the version that introduced them."""

#: Incremented with every change of the tables; an older file is upgraded, a newer one refused.
VERSION = 5

# AUTOINCREMENT, because a reused job number would give a command the reply to another one.
_FIRST = """
CREATE TABLE stars (session_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE marks (session TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    job INTEGER PRIMARY KEY AUTOINCREMENT, request BLOB NOT NULL, state TEXT NOT NULL DEFAULT 'asked', reply BLOB);
CREATE TABLE positions (
    target TEXT PRIMARY KEY, segment TEXT NOT NULL, offset INTEGER NOT NULL, moved_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE deletions (
    target TEXT NOT NULL, session_id TEXT NOT NULL, PRIMARY KEY (target, session_id)) WITHOUT ROWID;
"""
_SECOND = """
CREATE TABLE annotations (
    session_id TEXT NOT NULL, seq INTEGER NOT NULL, starred INTEGER NOT NULL, tags TEXT NOT NULL, note TEXT NOT NULL,
    changed_at REAL NOT NULL, PRIMARY KEY (session_id, seq)) WITHOUT ROWID;
"""
_THIRD = """
ALTER TABLE positions ADD COLUMN tail TEXT NOT NULL DEFAULT '';
ALTER TABLE positions ADD COLUMN planned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN wanted INTEGER NOT NULL DEFAULT 1;
"""
_FOURTH = """
CREATE TABLE hosts (host TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# The number keeps the order in which they came; the name is a hash, so that it names nothing of a removed session.
_FIFTH = """
CREATE TABLE uncounted (number INTEGER PRIMARY KEY, answer TEXT NOT NULL UNIQUE);
"""
_STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)


def statements(version: int) -> list[str]:
    """Return the statements that upgrade a file of a version, 0 for an empty one, to the current one."""
    return [each for step in _STEPS[version:] for each in step.split(";") if each.strip()]
