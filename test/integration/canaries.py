"""Canaries: random secrets that are put everywhere, and the search for what is left of them."""

import base64
import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import zstandard

#: Letters that hardly ever follow one another in anything else.
_LETTERS = "QXZJKVW"
_LENGTH = 20
#: So many letters of a canary are a find. Streams are cut into pieces that are longer.
_WINDOW = 6
PIECE = 7
_RUN = re.compile(f"[{_LETTERS.lower()}]{{{_WINDOW},}}")


class Canaries:
    """Makes secrets and remembers where each was put."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._places: dict[str, str] = {}
        self._encoded: dict[str, str] = {}

    def core(self, place: str) -> str:
        """Return new random letters that have to vanish from a place."""
        core = "".join(self._random.choice(_LETTERS) for _ in range(_LENGTH))
        for start in range(_LENGTH - _WINDOW + 1):
            self._places[core[start : start + _WINDOW].lower()] = place
        return core

    def key(self, place: str) -> str:
        """Return a secret that is known by its shape."""
        return "sk-ant-api03-9" + self.core(place)

    def password(self, place: str) -> str:
        """Return a secret that is known only by the name it stands under."""
        return "pw9" + self.core(place)

    def basic(self, place: str) -> str:
        """Return the credentials of a Basic header."""
        encoded = base64.b64encode(f"me:{self.password(place)}".encode()).decode()
        for start in range(len(encoded) - 12):
            self._encoded[encoded[start : start + 12].lower()] = place
        return encoded

    def found(self, where: str, data: bytes) -> Iterator[str]:
        """Say what is left of canaries in some bytes."""
        text = data.decode("latin-1").lower()
        for run in _RUN.finditer(text):
            for start in range(run.start(), run.end() - _WINDOW + 1):
                place = self._places.get(text[start : start + _WINDOW])
                if place is not None:
                    yield f"{place}: in {where}: ...{text[max(start - 120, 0) : start + 40]}..."
                    break
        for window, place in self._encoded.items():
            if window in text:
                yield f"{place}: in {where}"

    def found_in_files(self, folder: Path) -> Iterator[str]:
        """Look at every byte of every file, also decompressed, and at every row and word of the index."""
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            data = path.read_bytes()
            yield from self.found(path.name, data)
            if path.suffix == ".zst":
                plain = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
                yield from self.found(path.name, plain)
            if path.name == "index.sqlite3":
                yield from self.found(path.name, "\n".join(rows_of(path)).encode())


def rows_of(path: Path) -> Iterator[str]:
    """Yield every row of a database, and the words of its full-text tables."""
    connection = sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True)
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for name, sql in tables:
        if "content=''" not in sql.replace(" ", ""):  # a full-text table without content has words only
            yield from map(repr, connection.execute(f'SELECT * FROM "{name}"'))
        if "fts5" in sql:
            connection.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, '{name}', 'row')")
            yield from map(repr, connection.execute("SELECT term FROM temp.words"))
            connection.execute("DROP TABLE temp.words")
    connection.close()
