"""Audio in messages, represented by its size and not kept."""

from __future__ import annotations

from typing import Any

#: Shorter texts are not audio.
_SHORTEST = 64


def without_audio(value: Any, deltas: bool = False) -> tuple[Any, int]:
    """Replace audio in a message by its size in bytes.

    :param deltas: the message is a piece of audio, so its ``delta`` is audio as well.
    :return: the value, with ``audio_bytes`` instead of ``audio`` and the like, and how many bytes were left out.
    """
    if isinstance(value, list):
        parts = [without_audio(each) for each in value]
        return [part for part, _ in parts], sum(left_out for _, left_out in parts)
    if not isinstance(value, dict):
        return value, 0
    result: dict[str, Any] = {}
    total = 0
    audible = text_of_type(value).startswith(("audio/", "video/"))
    for key, inner in value.items():
        is_audio = key == "audio" or (key == "delta" and deltas) or (key == "data" and audible)
        if is_audio and isinstance(inner, str) and len(inner) >= _SHORTEST:
            result[f"{key}_bytes"] = size = len(inner.rstrip("=")) * 3 // 4
            total += size
        else:
            result[key], left_out = without_audio(inner)
            total += left_out
    return result, total


def text_of_type(value: dict[str, Any]) -> str:
    """Return the media type that an object names; empty if it names none."""
    kind = value.get("mimeType", value.get("mime_type"))
    return kind if isinstance(kind, str) else ""
