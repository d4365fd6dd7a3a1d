"""What the mock's model says: one shell command where a shell is offered, then a sentence; the same in every run."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import attr

TEXT = "The folder holds notes.txt, which says: héllo ✓. Done."
#: What the mock's model calls, as the agents spell it.
_SHELLS = (
    *("Bash", "bash", "shell", "exec_command", "shell_command", "run_shell_command", "execute_command"),
    *("run_commands", "run_terminal_command", "exec", "execute", "local_shell", "powershell"),
)
#: What it answers where the answer is to follow a schema: a session's title, mostly.
TITLE = "Read the notes"
#: What an agent wants to be called at the end, where it has such a tool.
_ENDS = ("submit_and_exit", "attempt_completion", "task_complete")
_COMMAND = "cat notes.txt"
_INTENT = "I look into the folder."


@attr.frozen
class Asked:
    """What a request asks for, whatever wire format it came in.

    :ivar model: the model it names.
    :ivar results: how many results of tools it brings.
    :ivar tools: name to JSON schema of the arguments; None as a schema for a tool that takes text.
    :ivar namespaces: of those tools that are in one.
    :ivar schema: the JSON schema that the answer has to follow, None for text.
    """

    model: str
    results: int = 0
    tools: Mapping[str, Any] = attr.field(factory=dict)
    schema: Any = None
    namespaces: Mapping[str, str] = attr.field(factory=dict)


@attr.frozen
class Call:
    """A tool call of the mock's model.

    :ivar namespace: of the tool, empty for none.
    """

    id: str
    name: str
    arguments: Any
    namespace: str = ""


@attr.frozen
class Turn:
    """One answer.

    :ivar uncached: input tokens that were not cached; the other counts are `READ`, `WRITTEN`, `output`, `REASONING`.
    """

    id: str
    model: str
    text: str
    call: Call | None
    uncached: int
    output: int


#: Tokens of every answer: read from a cache, written to it (where the provider counts that), thought.
READ, WRITTEN, REASONING = 1000, 50, 5


def decide(asked: Asked) -> Turn:
    """Say what the model answers; only ids differ from run to run."""
    number, call, text = os.urandom(9).hex(), None, TEXT
    shell = next((name for name in _SHELLS if name in asked.tools), None)
    end = next((name for name in _ENDS if name in asked.tools), None)
    if asked.schema is not None:
        text = json.dumps(smallest(asked.schema))
    elif shell is not None and not asked.results:
        text = _INTENT
        call = Call(number, shell, arguments_for(asked.tools[shell]), asked.namespaces.get(shell, ""))
    elif end is not None:
        call = Call(number, end, arguments_for(asked.tools[end]))
    return Turn(number, asked.model, text, call, 100 + 10 * asked.results, 20 + asked.results)


def arguments_for(schema: Any) -> Any:
    """Return arguments of a shell that follow its schema; text for a tool without one."""
    if schema is None:
        return f'text(await tools.exec_command({{cmd: "{_COMMAND}"}}))'
    properties = schema.get("properties") or {}
    wanted = set(schema.get("required") or ()) | ({"command", "cmd", "commands"} & set(properties))
    return {name: _argument(name, properties.get(name) or {}) for name in properties if name in wanted}


def _argument(name: str, schema: Mapping[str, Any]) -> Any:
    if name not in ("command", "cmd", "commands"):
        return smallest(schema)
    return (
        ["bash", "-lc", _COMMAND]
        if _type(schema) == "array" and name == "command"
        else ([_COMMAND] if _type(schema) == "array" else _COMMAND)
    )


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    return str((kind[0] if isinstance(kind, list) else kind) or "").lower()


def smallest(schema: Any) -> Any:
    """Return a value that follows a JSON schema, as small as can be."""
    if not isinstance(schema, Mapping):
        return "mock"
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return smallest(choices[0])
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = _type(schema)
    if kind == "object" or "properties" in schema:
        return {name: smallest(each) for name, each in (schema.get("properties") or {}).items()}
    plain = {"array": [], "boolean": False, "integer": 1, "number": 1}
    return plain.get(kind, TITLE)


def pieces(text: str, size: int = 7) -> Iterator[str]:
    """Cut a text as a stream would."""
    for at in range(0, len(text), size):
        yield text[at : at + size]
