"""How far the sequence numbers of sessions went whose segments are gone, so that none is ever given twice.

Sessions are named by a hash: a session that was removed because the user said so leaves nothing that names it.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.files import Files, read_all, replace_file
from ccsproxy.store.segments.scan import lines


class RetiredMarks:
    """The marks of removed sessions, in one small file that is replaced whole.

    :raises OSError: never; a file that cannot be read is as good as none.
    """

    def __init__(self, files: Files, data_dir: Path) -> None:
        self._files = files
        self._path = data_dir / "retired.jsonl"
        self._marks = self._load()

    def last_seq(self, session_id: str) -> int:
        """Return how far a session had come, 0 if it never lost a segment."""
        return self._marks.get(_key(session_id), 0)

    def retire(self, sessions: Mapping[str, int]) -> None:
        """Remember how far sessions came, before a segment with them is removed.

        :raises OSError: if that cannot be written.
        """
        marks = dict(self._marks)
        for session_id, seq in sessions.items():
            marks[_key(session_id)] = max(seq, marks.get(_key(session_id), 0))
        if marks != self._marks:
            replace_file(self._files, self._path, codec.encode({"event": "retired", "marks": marks}))
            self._marks = marks

    def _load(self) -> dict[str, int]:
        try:
            data = read_all(self._files, self._path)
        except OSError:
            return {}
        for line in lines([data]):
            if line.good:
                return _marks_of(line.data)
        return {}


def _marks_of(line: bytes) -> dict[str, int]:
    try:
        return msgspec.convert(codec.decode(line).get("marks"), dict[str, int])
    except (msgspec.MsgspecError, codec.LineError):
        return {}


def _key(session_id: str) -> str:
    return sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
