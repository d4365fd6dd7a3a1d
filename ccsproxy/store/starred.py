"""The sessions that the user wants to keep whatever retention says: a small file, replaced whole."""

from pathlib import Path

import msgspec

from ccsproxy.store.segments.files import Files, read_all, replace_file


class Starred:
    """The list of starred sessions. Read each time, since other programs (``ccsproxy keep``) write it."""

    def __init__(self, files: Files, data_dir: Path) -> None:
        self._files = files
        self._path = data_dir / "starred.json"

    def sessions(self) -> frozenset[str]:
        """Return the session ids.

        :raises OSError: if there is a list that cannot be read.
        :raises ValueError: if it is damaged. Nothing may be removed then: it could be what the user wants to keep.
        """
        try:
            data = read_all(self._files, self._path)
        except FileNotFoundError:
            return frozenset()
        try:
            return frozenset(msgspec.json.decode(data, type=list[str]))
        except msgspec.MsgspecError as error:
            raise ValueError(f"{self._path} is damaged: {error}; correct or remove it") from None

    def add(self, session_id: str) -> None:
        """Star a session, so that retention leaves it."""
        self._write(self.sessions() | {session_id})

    def discard(self, session_id: str) -> None:
        """Take the star off a session."""
        self._write(self.sessions() - {session_id})

    def _write(self, sessions: frozenset[str]) -> None:
        replace_file(self._files, self._path, msgspec.json.encode(sorted(sessions)) + b"\n")
