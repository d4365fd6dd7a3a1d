"""The fields of a ``multipart/form-data`` body (RFC 7578), without its files."""

import re
from collections.abc import Iterator

#: The header fields of a part including the blank line; the one that names the part comes first in practice.
_PART = re.compile(
    r"content-disposition:[ \t]*form-data;[^\r\n]*?\bname=\"?([^\"\r\n;]{1,200})\"?([^\r\n]*)\r?\n"
    r"(?:[^\r\n]{1,400}\r?\n){0,8}\r?\n",
    re.IGNORECASE,
)


def fields(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name and value range of each field; a truncated value ends with the text."""
    boundary = 0
    for part in _PART.finditer(text):
        start = part.end()
        # Each boundary is searched for once, even if many parts lack theirs.
        if boundary < start and boundary != len(text):
            found = text.find("\n--", max(start - 2, 0))
            boundary = found if found >= 0 else len(text)
        if "filename" in part.group(2).lower():
            continue
        end = max(boundary, start)
        yield part.group(1), start, end - 1 if text[end - 1 : end] == "\r" and end > start else end
