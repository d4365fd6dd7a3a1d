"""The input of a tool call in a form that suits the tool: an edit as a diff, tasks as a list."""

from typing import Any

from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.code import code
from ccsproxy.dashboard.html.json_tree import tree
from ccsproxy.dashboard.html.lines import compare, show
from ccsproxy.dashboard.html.markup import h

# Claude Code's Edit and Gemini CLI's replace use old_string, Anthropic's text editor tool uses old_str.
_BEFORE, _AFTER = ("old_string", "old_str", "old"), ("new_string", "new_str", "new")
# By the member's name, because tools differ: Bash, shell and exec_command all name it command or cmd.
_LANGUAGES = {"command": "bash", "cmd": "bash", "code": "python", "script": "bash", "query": "sql"}


def tool_input(value: Any, budget: RenderBudget) -> Any:
    """Show the input of a tool call."""
    if isinstance(value, str):
        return code(budget.take(value), "")
    if not isinstance(value, dict):
        return tree(value, budget)
    if not value:
        return h.p("no input", class_="muted")
    edit = _edit(value)
    tasks: Any = value.get("todos")
    shown = set(edit or ())
    if _are_tasks(tasks):
        shown.add("todos")
    rows = [_row(key, each, budget) for key, each in value.items() if key not in shown]
    return [
        h.dl(rows, class_="inputs") if rows else None,
        _difference(value, edit, budget) if edit else None,
        _tasks(tasks, budget) if "todos" in shown else None,
    ]


def _row(key: str, value: Any, budget: RenderBudget) -> Any:
    budget.element()
    if isinstance(value, str):
        text = budget.take(value)
        language = _LANGUAGES.get(key, "")
        long = "\n" in text or len(text) > 120 or language
        shown = code(text, language) if long else h.code(text)
    elif isinstance(value, dict | list):
        shown = tree(value, budget, 1)
    else:
        shown = tree(value, budget)
    return h.div(h.dt(key), h.dd(shown), class_="pair")


def _edit(value: dict[str, Any]) -> tuple[str, str] | None:
    """Return which members hold the text before and after."""
    before = next((key for key in _BEFORE if isinstance(value.get(key), str)), None)
    after = next((key for key in _AFTER if isinstance(value.get(key), str)), None)
    return (before, after) if before and after else None


def _difference(value: dict[str, Any], edit: tuple[str, str], budget: RenderBudget) -> Any:
    before, after = (budget.take(value[key]) for key in edit)
    return show(compare(before, after), "What the edit changes")


def _are_tasks(value: Any) -> bool:
    return (
        # Claude Code's TodoWrite sends such a list; another tool's `todos` may be anything.
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and "content" in each for each in value)
    )


def _tasks(tasks: list[dict[str, Any]], budget: RenderBudget) -> Any:
    return h.ul([_task(each, budget) for each in tasks if budget.element()], class_="todo")


def _task(task: dict[str, Any], budget: RenderBudget) -> Any:
    state = str(task.get("status", "")).replace("_", " ")
    return h.li(h.span(state, class_="state"), budget.take(str(task["content"])))
