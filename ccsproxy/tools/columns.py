"""Columns for people: as wide as the terminal allows, measured in terminal cells.

On a narrow terminal less important columns are dropped; output to a pipe is complete.
"""

import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

import attr

#: The line width for pipes, and the minimum width of a text at the end of a line.
PIPED, _LEAST = 240, 12
#: What figures begin with.
_FIGURES = tuple("0123456789$~<>≥+-−–(")


def width_of(out: TextIO) -> int:
    """Return the line width in cells: the terminal's, or `PIPED` for a pipe."""
    return max(shutil.get_terminal_size((120, 40)).columns, 40) if out.isatty() else PIPED


def cells(text: str) -> int:
    """Return the width of a text in terminal cells: two for a wide character, none for a combining mark."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Truncate a text to a width in cells, with an ellipsis."""
    if cells(text) <= width:
        return text
    taken, room = 0, width - 1
    for letter in text:
        room -= _cells_of(letter)
        if room < 0:
            break
        taken += 1
    return text[:taken].rstrip() + "…"


def fit(text: str, width: int, right: bool = False) -> str:
    """Truncate or pad a text to a width in cells."""
    text = cut(text, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space


@attr.frozen
class TextColumn:
    """One column of a list.

    :ivar width: in cells; 0 for the last one, which takes the remaining width.
    :ivar least: the narrowest terminal on which it is shown.
    :ivar wide: its width on a wide terminal.
    :ivar right: whether it is right-aligned, as numbers are.
    """

    name: str
    width: int = 0
    least: int = 0
    wide: int = 0
    right: bool = False


class Columns:
    """The columns of a list whose rows are written one by one, so that widths cannot depend on the values.

    :ivar shown: the columns that fit, in order.
    """

    #: From this terminal width on, columns have their ``wide`` width.
    ROOMY = 150

    def __init__(self, columns: Sequence[TextColumn], width: int) -> None:
        self.width = width
        self.shown = [each for each in columns if each.least <= width]
        self._widths = {each.name: each.wide or each.width if width >= self.ROOMY else each.width for each in columns}

    def has(self, name: str) -> bool:
        """Whether a column is shown."""
        return any(each.name == name for each in self.shown)

    def line(self, values: dict[str, str]) -> str:
        """Format a row.

        :param values: texts by column name; those of columns that are not shown are ignored.
        """
        pieces, taken = [], 0
        for each in self.shown:
            width = self._widths[each.name] or max(self.width - taken, _LEAST)
            pieces.append(fit(values.get(each.name, ""), width, each.right))
            taken += width + 2
        return "  ".join(pieces).rstrip()

    def heading(self) -> str:
        """Format the column names."""
        return self.line({each.name: each.name for each in self.shown})


def table(rows: Iterable[Sequence[str]], out: TextIO, spare: Sequence[str] = ()) -> None:
    """Print rows in columns as wide as needed; the first row is the heading.

    :param spare: headings of the columns that are dropped first on a terminal that is too narrow.
    """
    kept, width = [list(row) for row in rows], width_of(out)
    left_out: list[str] = []
    for name in spare:
        if _needed(kept) > width and name in kept[0]:
            at = kept[0].index(name)
            left_out.append(name)
            for row in kept:
                del row[at]
    over = _needed(kept) - width
    widths = [max(cells(row[at]) for row in kept) for at in range(len(kept[0]))]
    widths[0] = max(widths[0] - over, _LEAST) if over > 0 else widths[0]
    right = [at > 0 and all(_is_figure(row[at]) for row in kept[1:]) for at in range(len(kept[0]))]
    for row in kept:
        fitted = (fit(cell, size, turned) for cell, size, turned in zip(row, widths, right, strict=True))
        out.write("  ".join(fitted).rstrip() + "\n")
    if left_out:
        out.write(f"The terminal is too narrow for {', '.join(left_out)}; --json has everything.\n")


def _is_figure(cell: str) -> bool:
    """Whether a cell is a number, an amount, a time, or stands for a missing one; all else is text."""
    return not cell or cell.startswith(_FIGURES)


def _needed(rows: Sequence[Sequence[str]]) -> int:
    return sum(max(cells(row[at]) for row in rows) + 2 for at in range(len(rows[0]))) - 2


def wrapped(text: str, width: int, indent: int) -> str:
    """Wrap a text at spaces; lines after the first are indented."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and cells(line) + 1 + cells(word) > width - indent:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return ("\n" + " " * indent).join([*lines, line])
