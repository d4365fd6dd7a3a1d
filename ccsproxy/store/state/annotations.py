"""Annotations of sessions and calls: stars, tags and notes, in the state beside the records.

A session's star protects it from retention; a call's star is only a mark.
"""

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import attr
import msgspec

from ccsproxy.store.state.state import State

#: Maximum length of a tag and a note in characters, and maximum number of tags on one item.
LONGEST_TAG, LONGEST_NOTE, MOST_TAGS = 64, 20_000, 50
#: The format of a tag, as a regular expression for JSON Schema (ECMA-262).
TAG_PATTERN = r'^[^\s,:"]{1,64}$'
_TAG = re.compile(TAG_PATTERN.removeprefix("^").removesuffix("$") + r"\Z")


class AnnotationError(ValueError):
    """A tag or note is invalid; the message is one sentence."""


@attr.frozen
class Annotation:
    """The annotation of one session or call.

    :ivar seq: the call's number; 0 for the session.
    :ivar changed_at: seconds since the epoch.
    """

    session_id: str
    seq: int = 0
    starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    changed_at: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.starred or self.tags or self.note)

    def as_dict(self) -> dict[str, Any]:
        """Convert it to the form returned by the API."""
        return {"session_id": self.session_id, "seq": self.seq or None, "starred": self.starred,
                "tags": list(self.tags), "note": self.note or None}  # fmt: skip


class AnnotationChange(msgspec.Struct, forbid_unknown_fields=True):
    """A change to the annotation of a session or call; members that are not set stay unchanged.

    :ivar tags: the complete new list of tags.
    """

    starred: bool | msgspec.UnsetType = msgspec.UNSET
    tags: Annotated[list[str], msgspec.Meta(max_length=MOST_TAGS)] | msgspec.UnsetType = msgspec.UNSET
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] | msgspec.UnsetType = msgspec.UNSET


class Annotations:
    """Reads and changes annotations."""

    def __init__(self, state: State) -> None:
        self._state = state

    def every(self) -> list[Annotation]:
        """Return all annotations, the latest change first."""
        stars = self._state.stars()
        found = [_annotation(row, stars) for row in self._state.annotations()]
        written = {each.session_id for each in found if not each.seq}
        # Starred by `ccsproxy keep`, or by a version without notes.
        found += [Annotation(session, starred=True) for session in sorted(stars - written)]
        return [each for each in found if not each.empty]

    def one(self, session_id: str, seq: int = 0) -> Annotation:
        """Return the annotation of a session or call; an empty one if there is none."""
        named = (each for each in self.every() if (each.session_id, each.seq) == (session_id, seq))
        return next(named, Annotation(session_id, seq))

    def change(
        self,
        session_id: str,
        seq: int = 0,
        *,
        starred: bool | None = None,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        note: str | None = None,
    ) -> Annotation:
        """Change the annotation of a session or call; None leaves a member unchanged.

        :raises AnnotationError: if a tag or the note is invalid.
        """
        before = self.one(session_id, seq)
        gone = {tag.strip() for tag in remove}
        tags = tuple(dict.fromkeys(tag for tag in (*before.tags, *map(_checked, add)) if tag not in gone))
        text = before.note if note is None else note.strip()
        if len(tags) > MOST_TAGS:
            raise AnnotationError(f"at most {MOST_TAGS} tags are allowed on one session or call")
        if len(text) > LONGEST_NOTE:
            raise AnnotationError(f"a note may have at most {LONGEST_NOTE:,} characters")
        star = before.starred if starred is None else starred
        after = Annotation(session_id, seq, star, tags, text, time.time())
        if not seq and star != before.starred:
            (self._state.star if star else self._state.unstar)([session_id])
        # A session's star is in the table that retention reads, and nowhere else.
        self._state.annotate(session_id, seq, bool(seq) and star, "\n".join(tags), text, after.changed_at)
        return after


def write_annotation(data_dir: Path, session_id: str, seq: int, change: AnnotationChange) -> Annotation:
    """Change the annotation of a session or call in a data directory; a service may be running.

    :raises AnnotationError: if a tag or the note is invalid.
    """
    state = State(data_dir)
    try:
        annotations = Annotations(state)
        before = annotations.one(session_id, seq).tags
        kept = before if isinstance(change.tags, msgspec.UnsetType) else change.tags
        return annotations.change(
            session_id,
            seq,
            starred=None if isinstance(change.starred, msgspec.UnsetType) else change.starred,
            add=kept,
            # Only the removed tags rather than all: a tag that somebody adds at the same time is kept.
            remove=[tag for tag in before if tag not in kept],
            note=None if isinstance(change.note, msgspec.UnsetType) else change.note,
        )
    finally:
        state.close()


def _checked(tag: str) -> str:
    tag = tag.strip()
    if not _TAG.match(tag):
        raise AnnotationError(
            f"a tag is one word of at most {LONGEST_TAG} characters without comma or colon, not {tag!r}"
        )
    return tag


def _annotation(row: tuple[Any, ...], stars: frozenset[str]) -> Annotation:
    session_id, seq, starred, tags, note, changed_at = row
    star = bool(starred) if seq else session_id in stars
    return Annotation(session_id, seq, star, tuple(tags.split("\n")) if tags else (), note, changed_at)


@attr.frozen
class Marked:
    """The sessions and calls whose annotations match a field of a question.

    :ivar sessions: sessions of which all calls match.
    :ivar calls: ``(session, number)``.
    """

    sessions: frozenset[str]
    calls: frozenset[tuple[str, int]]

    def holds(self, summary: Mapping[str, Any]) -> bool:
        """Whether a request is one of them."""
        session = str(summary["session_id"])
        return session in self.sessions or (session, summary.get("seq")) in self.calls


def marked(annotations: Iterable[Annotation], member: str, values: Iterable[str]) -> Marked:
    """Select what has a star, a tag or words in its note.

    :param member: ``starred``, ``tags`` or ``note``.
    :param values: one of them must be contained, ignoring case; empty for a star.
    """
    wanted = [value.casefold() for value in values]
    chosen = [each for each in annotations if _has(each, member, wanted)]
    return Marked(
        frozenset(each.session_id for each in chosen if not each.seq),
        frozenset((each.session_id, each.seq) for each in chosen if each.seq),
    )


def _has(each: Annotation, member: str, wanted: list[str]) -> bool:
    if member == "starred":
        return each.starred
    texts = each.tags if member == "tags" else (each.note,)
    return any(value in text.casefold() for value in wanted for text in texts)
