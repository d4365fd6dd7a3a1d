"""Write the tables of agents in ``agents.md``: ``python docs/agents_table.py``.

The first is made from the launch files, the second from ``agents_tried.json``, the results of the last
``make test-clients``.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccsproxy.launch.registry import AGENTS

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- {} -->\n", "<!-- end of {} -->\n"


def results() -> list[dict[str, Any]]:
    """Return the results of the last ``make test-clients``."""
    return json.loads((FOLDER / "agents_tried.json").read_text("utf-8"))


def table() -> str:
    """Return the table of agents as Markdown."""
    rows = [
        "| agent | command | directed by | what `--via base-url` changes | tried with |",
        "|---|---|---|---|---|",
    ]
    for agent in AGENTS:
        effects = " ".join(agent.effects) or ("no change seen" if agent.base_url else "not possible")
        needs = f" Needs {agent.needs}." if agent.needs else ""
        rows.append(
            f"| {agent.title} | `ccsproxy {agent.name}` | {agent.via}.{needs} | {effects} | {_tried(agent)} |"
        )
    return "\n".join(rows) + "\n"


def _tried(agent: Any) -> str:
    """Say with which versions an agent was tried, the comparison's first."""
    found = [each for each in results() if each["agent"] == agent.name]
    if found:
        versions = dict.fromkeys(each["version"] for each in found)
        return f"{' and '.join(versions)}, {max(each['date'] for each in found)}"
    return f"{agent.measured.version}, {agent.measured.date}" if agent.measured else "not yet"


def compared() -> str:
    """Return the table of what was compared as Markdown."""
    rows = [
        "| program | version | date | model calls | requests | answers, status | record "
        "| what else a proxy changes | a base URL |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [f"| {' | '.join(_row(each))} |" for each in results()]
    return "\n".join(rows) + "\n"


def _row(each: dict[str, Any]) -> Iterator[str]:
    yield from (each["title"], each["version"], each["date"], str(each["calls"]))
    yield _places(each["requests"]) or "equal"
    alike = each["answer"] == "equal" and each["status"][0] == each["status"][1]
    yield f"equal, {each['status'][0]}" if alike else f"{each['answer']}, {each['status']}"
    yield "; ".join(each["record"]) or "right"
    yield _places(each["side"]) or "nothing"
    yield (_places(each["base_url"]) or "nothing") if "base_url" in each else "-"


def _places(differences: list[str]) -> str:
    """Name the places of differences, each once."""
    said = [difference.replace("|", "/").partition(": '") for difference in differences]
    places = list(dict.fromkeys(_short(place, rest) for place, _, rest in said))
    more = f", and {len(places) - 5} more" if len(places) > 5 else ""
    return ", ".join(places[:5]) + more


def _short(place: str, rest: str) -> str:
    """Say of one difference what is missing; a request that is not sent at all is named."""
    request, _, where = place.partition(": ")
    address = request.partition("?")[0]
    if where == "how often":
        return f"`{address}` {'left out' if rest.endswith(chr(39) + '0' + chr(39)) else 'how often'}"
    return f"`{where.removeprefix('field ')[:90]}`"


def with_table(page: str) -> str:
    """Return the page with the tables as they are now."""
    for name, text in (("agents", table()), ("compared", compared())):
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + "\n" + text + "\n" + end + after
    return page


if __name__ == "__main__":
    page = FOLDER / "agents.md"
    page.write_text(with_table(page.read_text("utf-8")), "utf-8")
