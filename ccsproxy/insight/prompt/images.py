"""The tokens of an image: its pixels, read from the first bytes of the file, and the provider's rule.

Sources: "Vision", platform.claude.com (patches of 28 pixels, two tiers); "Images and vision", developers.openai.com
(patches of 32 pixels or tiles of 512); "Understand images", ai.google.dev (258 tokens a tile; fixed in Gemini 3).
"""

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

#: How much of a file is examined, in base64 characters; the size of a JPEG may follow a long preview.
_EXAMINED = 512 * 1024
#: Estimate for an image of unknown size.
UNKNOWN = 1500
_TILES = {"gpt-5": (70, 140), "gpt-4o-mini": (2833, 5667), "gpt-4o": (85, 170), "gpt-4.1": (85, 170),
          "o1": (75, 150), "o3": (75, 150)}  # fmt: skip
_PATCHES = {"gpt-4.1-mini": 1.62, "gpt-4.1-nano": 2.46, "o4-mini": 1.72, "gpt-5-nano": 1.5, "gpt-5-mini": 1.2}
_OLD_CLAUDE = re.compile(r"claude-(?:3|opus-4-[0156]\b|opus-4$|sonnet-4|haiku)")


def image_tokens(model: str, pixels: tuple[int, int] | None) -> int:
    """Return the tokens of an image for a model.

    :param pixels: width and height; None if unknown.
    """
    if pixels is None:
        return UNKNOWN
    width, height = pixels
    if "claude" in model:
        return _claude(model, width, height)
    if "gemini" in model:
        return _gemini(model, width, height)
    return _openai(model, width, height)


def _claude(model: str, width: int, height: int) -> int:
    edge, most = (1568, 1568) if _OLD_CLAUDE.search(model) else (2576, 4784)
    scale = min(1.0, edge / max(width, height))
    patches = math.ceil(width * scale / 28) * math.ceil(height * scale / 28)
    return min(patches, most)


def _gemini(model: str, width: int, height: int) -> int:
    if re.search(r"gemini-[3-9]", model):
        return 1120
    if width <= 384 and height <= 384:
        return 258
    return 258 * math.ceil(width / 768) * math.ceil(height / 768)


def _openai(model: str, width: int, height: int) -> int:
    factor = next((value for name, value in _PATCHES.items() if model.startswith(name)), 1.2)
    tiles = next((value for name, value in _TILES.items() if _is(model, name)), None)
    if tiles is None:
        scale = min(1.0, 2048 / max(width, height))
        return math.ceil(min(math.ceil(width * scale / 32) * math.ceil(height * scale / 32), 2500) * factor)
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return tiles[0] + tiles[1] * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _is(model: str, name: str) -> bool:
    """Return whether a model has a name, dated snapshots included, but not relatives with longer names."""
    return bool(re.match(re.escape(name) + r"(?:\.1)?(?:-20\d\d.*|-chat.*)?\Z", model))


def images_in(value: Any, depth: int = 0) -> Iterator[tuple[int, int] | None]:
    """Yield the size of each image in a message, in order; None for an image that is not in the message itself."""
    if isinstance(value, list) and depth < 8:
        for each in value:
            yield from images_in(each, depth + 1)
    elif isinstance(value, dict) and depth < 8:
        data = _image_data(value)
        if data is not None:
            yield pixels(data)
            return
        for each in value.values():
            if isinstance(each, dict | list):
                yield from images_in(each, depth + 1)


def _image_data(block: dict[str, Any]) -> str | None:
    """Return the base64 text of an image block; empty if it only has the image's address."""
    kind = block.get("type")
    if kind == "image" and isinstance(block.get("source"), dict):
        return _text(block["source"].get("data"))
    if kind in ("image_url", "input_image"):
        url = block.get("image_url")
        url = url.get("url") if isinstance(url, dict) else url
        return _text(url).partition(",")[2] if _text(url).startswith("data:") else ""
    inline = block.get("inlineData")
    if isinstance(inline, dict) and _text(inline.get("mimeType")).startswith("image/"):
        return _text(inline.get("data"))
    image = block.get("image")
    if isinstance(image, dict) and isinstance(image.get("source"), dict):
        return _text(image["source"].get("bytes"))
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def pixels(data: str) -> tuple[int, int] | None:
    """Read width and height from the base64 text of a PNG, GIF, JPEG or WebP file."""
    head = data[:_EXAMINED]
    try:
        raw = base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    if raw.startswith(b"\x89PNG") and len(raw) >= 24:
        return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])
    if raw.startswith(b"GIF8") and len(raw) >= 10:
        return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
    if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP" and len(raw) >= 30:
        return _webp(raw)
    return _jpeg(raw) if raw.startswith(b"\xff\xd8") else None


def _webp(raw: bytes) -> tuple[int, int] | None:
    form = raw[12:16]
    if form == b"VP8X":
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        return int.from_bytes(raw[26:28], "little") & 0x3FFF, int.from_bytes(raw[28:30], "little") & 0x3FFF
    return None


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    """Skip from segment to segment to the frame header with the size (ITU T.81, B.2.2)."""
    at = 2
    while at + 9 < len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return None
