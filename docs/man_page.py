"""Write the man page from ``man.md``: ``python docs/man_page.py``.

It is installed with the wheel, so it is made here from the little Markdown that the page uses, without Sphinx.
"""

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
TARGET = FOLDER.parent / "packaging" / "man" / "ccsproxy.1"


def man_page(markdown: str) -> str:
    """Return the page as roff (man(7)): headings, paragraphs, lists of terms, code."""
    return "\n".join(['.TH CCSPROXY 1 "" "ccsproxy" "User Commands"', *_lines(markdown.splitlines())]) + "\n"


def _lines(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("# "):
            yield ".SH NAME\nccsproxy \\- a flight recorder for coding agents\n.SH SYNOPSIS"
        elif line.startswith("## "):
            yield f".SH {line[3:].upper()}"
        elif line.startswith(": "):
            yield _said(line[2:])
        elif following.startswith(": "):
            yield f".TP\n{_said(line)}"
        elif not line.strip():
            yield from () if following.startswith(("#", ":")) or _is_term(lines, number + 1) else (".PP",)
        else:
            yield _said(line)


def _is_term(lines: list[str], number: int) -> bool:
    return number + 1 < len(lines) and lines[number + 1].startswith(": ")


def _said(text: str) -> str:
    """Write a line: what roff would take for its own is escaped, bold and italic become fonts."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]*)`|\*\*([^*]*)\*\*", lambda found: rf"\fB{found[1] or found[2]}\fR", text)
    text = re.sub(r"\*([^*]+)\*", r"\\fI\1\\fR", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    TARGET.write_text(man_page((FOLDER / "man.md").read_text("utf-8")), "utf-8")
