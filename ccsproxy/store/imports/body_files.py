"""The directory to which Claude Code writes the bodies of its calls (``OTEL_LOG_RAW_API_BODIES=file:DIR``).

Each call leaves ``<uuid>.request.json`` when it is sent and ``<request id>.response.json`` when its response is
complete; a failed call leaves no response. From some version after 2.1.197 on, ``index.jsonl`` tells which belong
together, and when the response was complete (seen with 2.1.332); before that only times and models do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attr
import msgspec

REQUEST, RESPONSE, INDEX = ".request.json", ".response.json", "index.jsonl"
#: A larger file is not one of Claude Code's bodies.
_LARGEST = 256 << 20
#: Seconds by which the index and the time of a file may differ if the directory was not copied.
_AGREE = 5.0


@attr.frozen
class BodyFiles:
    """The files of one call.

    :ivar response: None if there is no response, or not yet.
    :ivar request_id: the provider's id of the call, if known.
    :ivar sent_at: seconds since the epoch, None if the times of the files cannot be trusted.
    :ivar ended_at: when the response was complete, likewise.
    :ivar guessed: the response was matched by times and models alone.
    """

    request: Path
    response: Path | None = None
    request_id: str | None = None
    sent_at: float | None = None
    ended_at: float | None = None
    guessed: bool = False


def is_body_folder(folder: Path) -> bool:
    """Tell whether a directory contains such files."""
    return folder.is_dir() and next(folder.glob(f"*{REQUEST}"), None) is not None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file.

    :raises ValueError: if it is not an object, or incomplete; ``OSError`` if it cannot be read.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError("it is too large for a body")
    value = msgspec.json.decode(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError("it does not hold an object")
    return value


def calls_in(folder: Path) -> list[BodyFiles]:
    """Return the calls in a directory, in the order in which they were sent."""
    requests = sorted(_files(folder, REQUEST), key=_written)
    named = {entry["request_file"]: entry for entry in _index(folder)}
    known = {str(entry.get("response_file")) for entry in named.values()}
    loose = [path for path in _files(folder, RESPONSE) if path.name not in known]
    matched = _match([path for path in requests if path.name not in named], loose)
    return [_named(folder, path, named[path.name]) if path.name in named else matched[path] for path in requests]


def _files(folder: Path, suffix: str) -> list[Path]:
    return [path for path in folder.glob(f"*{suffix}") if path.is_file() and not path.is_symlink()]


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _index(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the index's entries; a line that is being written is skipped."""
    try:
        lines = (folder / INDEX).read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("request_file"), str):
            yield entry


def _named(folder: Path, request: Path, entry: Mapping[str, Any]) -> BodyFiles:
    """Return a call that is listed in the index."""
    response = folder / Path(str(entry.get("response_file") or "-")).name
    ended = _seconds(entry.get("timestamp"))
    there = response if response.is_file() and not response.is_symlink() else None
    trusted = ended is not None and there is not None and abs(_written(there) - ended) < _AGREE
    name = entry.get("request_id")
    return BodyFiles(
        request, there, name if isinstance(name, str) else None, _written(request) if trusted else None, ended
    )


def _seconds(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


def _match(requests: Iterable[Path], responses: Iterable[Path]) -> dict[Path, BodyFiles]:
    """Match responses with requests: each with the first request of its model that was sent before it."""
    found = {path: BodyFiles(path, sent_at=_written(path)) for path in requests}
    waiting = {path: _model(path) for path in found}
    for response in sorted(responses, key=_written):
        ended, model = _written(response), _model(response)
        those = [path for path, requested in waiting.items() if _written(path) <= ended and _same(requested, model)]
        if those:
            waiting.pop(those[0])
            name = response.name.removesuffix(RESPONSE)
            found[those[0]] = attr.evolve(
                found[those[0]], response=response, request_id=name, ended_at=ended, guessed=len(those) > 1
            )
    return found


def _model(path: Path) -> str:
    try:
        return str(read_json(path).get("model"))
    except (OSError, ValueError):
        return ""


def _same(requested: str, answered: str) -> bool:
    """Tell whether a response's model may be the requested one: responses name the dated form."""
    return bool(requested and answered) and (answered.startswith(requested) or requested.startswith(answered))
