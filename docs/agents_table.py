"""Write the table of agents in ``agents.md`` from the launch files: ``python docs/agents_table.py``."""

from pathlib import Path

from ccsproxy.launch.registry import AGENTS

BEGIN, END = "<!-- agents -->\n", "<!-- end of agents -->\n"


def table() -> str:
    """Return the table as Markdown."""
    rows = [
        "| agent | command | led here by | what `--via base-url` changes | tried with |",
        "|---|---|---|---|---|",
    ]
    for agent in AGENTS:
        effects = " ".join(agent.effects) or ("nothing seen" if agent.base_url else "cannot be led that way")
        tried = f"{agent.measured.version}, {agent.measured.date}" if agent.measured else "not yet"
        needs = f" Needs {agent.needs}." if agent.needs else ""
        rows.append(f"| {agent.title} | `ccsproxy {agent.name}` | {agent.via}.{needs} | {effects} | {tried} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """Return the page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    page = Path(__file__).parent / "agents.md"
    page.write_text(with_table(page.read_text("utf-8")), "utf-8")
