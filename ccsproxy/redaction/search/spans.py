"""Removes findings from a text, or from the parts of a text."""

from collections.abc import Callable, Sequence

from ccsproxy.redaction.search.finding import FoundSecret

Write = Callable[[FoundSecret], str]


def in_letters(raw: bytes, findings: list[FoundSecret]) -> list[FoundSecret]:
    """Convert the positions of findings in UTF-8 from bytes to characters."""
    moved: list[FoundSecret] = []
    at = letters = 0
    for each in findings:
        start = letters + _letters(raw, at, each.start)
        end = start + _letters(raw, each.start, each.end)
        moved.append(each._replace(start=start, end=end))
        at, letters = each.end, end
    return moved


def _letters(raw: bytes, start: int, end: int) -> int:
    return len(raw[start:end].decode("utf-8", "surrogatepass"))


def blanked(text: str, findings: Sequence[FoundSecret], write: Write) -> str:
    """Replace findings, which are in order and disjoint."""
    parts: list[str] = []
    position = 0
    for each in findings:
        parts += (text[position : each.start], write(each))
        position = each.end
    parts.append(text[position:])
    return "".join(parts)


def blanked_parts(parts: list[str], findings: Sequence[FoundSecret], write: Write) -> list[str]:
    """Replace findings in a text that consists of parts.

    The replacement goes into the part in which a finding begins, so that the joined parts equal the redacted
    text.
    """
    result: list[str] = []
    offset = index = 0
    for part in parts:
        end = offset + len(part)
        while index < len(findings) and findings[index].end <= offset:
            index += 1
        result.append(_blanked_part(part, offset, findings, index, write))
        offset = end
    return result


def _blanked_part(part: str, offset: int, findings: Sequence[FoundSecret], index: int, write: Write) -> str:
    kept: list[str] = []
    position, end = offset, offset + len(part)
    while index < len(findings) and findings[index].start < end:
        each = findings[index]
        if each.start >= offset:
            kept += (part[position - offset : each.start - offset], write(each))
        position = min(each.end, end)
        index += 1
    return "".join(kept) + part[position - offset :]
