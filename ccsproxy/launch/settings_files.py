"""Reading other programs' settings files: never written, and whatever is wrong with one it is as if it were not
there."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Settings files are never larger; a larger one is not read.
_LARGEST = 4 << 20


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the object in a JSON file, without JSONC comments; empty if there is none."""
    try:
        value = json.loads(_without_comments(_text(path)))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_toml(path: Path) -> Mapping[str, Any]:
    """Return the table in a TOML file, empty if there is none."""
    try:
        return tomllib.loads(_text(path))
    except (OSError, ValueError):
        return {}


def member(value: Any, *names: str) -> Any:
    """Return the value at a path of names, None if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise FileNotFoundError(path)
    return path.read_text("utf-8")


def _without_comments(text: str) -> str:
    """Remove comment lines: OpenCode's and Copilot's files are JSONC."""
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("//"))
