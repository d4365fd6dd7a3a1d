"""The tools that a request offers, in any dialect: their names, and removing some of them."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ccsproxy.exports.replay.errors import EditError


def without_tool(body: dict[str, Any], pattern: str) -> dict[str, Any]:
    """Return a copy of a request's body without the matching tools.

    :param pattern: the name, with ``*`` and ``?`` as in a shell.
    :raises EditError: if no tool matches, or if the request requires a removed tool.
    """
    known = list(dict.fromkeys(name for holder in _tool_holders(body) for name in _names_in(holder)))
    gone = [name for name in known if fnmatchcase(name, pattern)]
    if not gone:
        there = ", ".join(known) or "none"
        raise EditError(f"the request has no tool {pattern!r}; it has {there}")
    changed = _kept_of(body, frozenset(gone))
    for choice in ("tool_choice", "toolConfig", "tool_config"):
        if any(f"'{name}'" in repr(_choice(changed.get(choice))) for name in gone):
            raise EditError(f"{choice} asks for {gone[0]!r}, which is to be left out; add --set {choice}=")
    return changed


def _choice(value: Any) -> Any:
    return value.get("toolChoice") if isinstance(value, dict) and "tools" in value else value


def _tool_holders(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a request that may have a member ``tools``."""
    yield body
    for name in ("request", "toolConfig"):
        if isinstance(body.get(name), dict):
            yield body[name]
    # Codex sends its tools as an item of the input.
    items = body.get("input")
    yield from (each for each in items if isinstance(each, dict)) if isinstance(items, list) else ()


#: Members that contain tools within an entry of a list of tools.
_NESTED = ("tools", "functionDeclarations", "function_declarations")


def _names_in(holder: Mapping[str, Any]) -> Iterator[str]:
    for member in _NESTED:
        for each in holder[member] if isinstance(holder.get(member), list) else ():
            if isinstance(each, dict):
                if name := _tool_name(each):
                    yield name
                yield from _names_in(each)


def _tool_name(tool: Mapping[str, Any]) -> str:
    """Return the name of a tool, empty for a group of tools."""
    if any(isinstance(tool.get(name), list) for name in _NESTED):
        return ""
    for holder in (tool, tool.get("function"), tool.get("toolSpec")):
        if isinstance(holder, dict) and isinstance(holder.get("name"), str):
            return holder["name"]
    return str(tool.get("type") or "")


def _kept_of(holder: dict[str, Any], gone: frozenset[str], top: bool = True) -> dict[str, Any]:
    """Return a copy of an object with tools without some of them; a list that becomes empty is removed, too."""
    changed = dict(holder)
    for member in _NESTED:
        if not isinstance(holder.get(member), list):
            continue
        kept = [
            _kept_of(each, gone, top=False) if isinstance(each, dict) else each
            for each in holder[member]
            if not isinstance(each, dict) or _tool_name(each) not in gone
        ]
        changed[member] = [each for each in kept if not (isinstance(each, dict) and _is_empty(each))]
        if not changed[member]:
            del changed[member]
            # Without tools there is nothing to choose from; providers reject a choice on its own.
            changed.pop("tool_choice", None)
    if top:
        for name in ("request", "toolConfig"):
            if isinstance(holder.get(name), dict):
                changed[name] = _kept_of(holder[name], gone, top=False)
        if isinstance(holder.get("input"), list):
            changed["input"] = [
                _kept_of(each, gone, top=False) if isinstance(each, dict) else each for each in holder["input"]
            ]
    return changed


def _is_empty(entry: Mapping[str, Any]) -> bool:
    """Tell whether a group of tools has become empty."""
    return not entry or (entry.get("type") == "namespace" and "tools" not in entry)
