"""Writes the options table of docs/configuration.md from the settings themselves: python docs/settings_table.py."""

from pathlib import Path

from ccsproxy.config.settings import SETTINGS

BEGIN, END = "<!-- options -->\n", "<!-- end of options -->\n"


def table() -> str:
    """Return the table as Markdown."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for known in SETTINGS:
        shown = f"--{known.name} {known.meta}".strip().replace("|", "\\|")
        rows.append(f"| `{shown}` | {known.default} | {known.help} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """Return the page with its table replaced."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    page = Path(__file__).parent / "configuration.md"
    page.write_text(with_table(page.read_text()))
