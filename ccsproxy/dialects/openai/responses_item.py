"""One output item of an OpenAI response, growing by its deltas."""

from typing import Any

import msgspec

from ccsproxy.dialects.growing import GrowingStrings, extend


class ItemPlace(msgspec.Struct, frozen=True):
    """Where in an item the text of a delta belongs.

    :ivar key: the member that grows, or that holds the value of a ``.done`` event.
    :ivar parts: the list that holds the object with this member; empty for the item itself.
    :ivar index: the event's field with the position in that list.
    :ivar item: the type of an item that such a delta must belong to.
    :ivar part: the type of such a part.
    """

    key: str
    parts: str = ""
    index: str = ""
    item: str = ""
    part: str = ""


PLACES = {
    "response.output_text": ItemPlace("text", "content", "content_index", "message", "output_text"),
    "response.refusal": ItemPlace("refusal", "content", "content_index", "message", "refusal"),
    "response.reasoning_text": ItemPlace("text", "content", "content_index", "reasoning", "reasoning_text"),
    "response.reasoning_summary_text": ItemPlace("text", "summary", "summary_index", "reasoning", "summary_text"),
    "response.shell_call_command": ItemPlace("command", "_commands", "command_index", "shell_call"),
    "response.function_call_arguments": ItemPlace("arguments", item="function_call"),
    "response.custom_tool_call_input": ItemPlace("input", item="custom_tool_call"),
    "response.mcp_call_arguments": ItemPlace("arguments", item="mcp_call"),
    "response.code_interpreter_call_code": ItemPlace("code", item="code_interpreter_call"),
    "response.apply_patch_call_operation_diff": ItemPlace("diff", "_operation", "", "apply_patch_call"),
}


def says_something(item: Any) -> bool:
    """Whether an item is content by itself: a message or a thought is only with some text in it."""
    if not isinstance(item, dict):
        return False
    if item.get("type") not in ("message", "reasoning"):
        return True
    parts = [part for key in ("content", "summary") for part in _listed(item.get(key))]
    return any(part.get(key) for part in parts if isinstance(part, dict) for key in ("text", "refusal", "transcript"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class OutputItem:
    """An output item and the pieces that arrived for it.

    :ivar value: the item as JSON; complete after `settle`.
    :ivar done: its ``output_item.done`` was seen, whose value takes precedence over all deltas.
    """

    __slots__ = ("_parts", "_strings", "done", "value")

    def __init__(self, value: dict[str, Any], done: bool = False) -> None:
        self.value = value
        self.done = done
        self._strings = GrowingStrings()
        self._parts: dict[str, dict[int, Any]] = {}

    def _list(self, member: str) -> dict[int, Any]:
        parts = self._parts.get(member)
        if parts is None:
            known = self.value.get(member)
            parts = self._parts[member] = dict(enumerate(known)) if isinstance(known, list) else {}
        return parts

    def _holder(self, place: ItemPlace, event: dict[str, Any]) -> dict[str, Any] | None:
        """Find the object that a delta belongs to, and make it when it was not announced."""
        if not place.parts:
            return self.value
        index = event.get(place.index, 0)
        if type(index) is not int:
            return None
        parts = self._list(place.parts)
        holder = parts.get(index)
        if holder is None:
            holder = parts[index] = {"type": place.part} if place.part else {}
        # Not a dict if a gateway sent something else in its place; then nothing can be appended.
        return holder if isinstance(holder, dict) else None

    def grow(self, place: ItemPlace, event: dict[str, Any]) -> bool:
        """Apply a delta of text; False when the event does not fit."""
        delta, holder = event.get("delta"), self._holder(place, event)
        if not isinstance(delta, str) or holder is None:
            return False
        self._strings.append(holder, place.key, delta)
        if isinstance(event.get("logprobs"), list) and event["logprobs"]:
            extend(holder, "logprobs", event["logprobs"])
        return True

    def replace(self, place: ItemPlace, event: dict[str, Any]) -> bool:
        """Apply the final value of a text, which wins over its deltas; False when the event does not fit."""
        holder = self._holder(place, event)
        if place.key not in event or holder is None:
            return False
        self._strings.assign(holder, place.key, event[place.key])
        if event.get("logprobs"):
            holder["logprobs"] = event["logprobs"]
        return True

    def set_part(self, event: dict[str, Any], member: str, index: str) -> bool:
        """Put the part of an event into its place; False when it does not fit.

        :param member: the list it belongs to.
        :param index: the event's field with its position.
        """
        position, part = event.get(index), event.get("part")
        if type(position) is not int or not isinstance(part, dict):
            return False
        self._list(member)[position] = part
        return True

    def annotate(self, event: dict[str, Any]) -> bool:
        """Add an annotation to a text part; False when the event does not fit."""
        holder = self._holder(PLACES["response.output_text"], event)
        if holder is None or not isinstance(holder.setdefault("annotations", []), list):
            return False
        known, index = holder["annotations"], event.get("annotation_index")
        if type(index) is int and 0 <= index < len(known):
            known.insert(index, event.get("annotation"))
        else:
            known.append(event.get("annotation"))
        return True

    def shell_output(self, event: dict[str, Any]) -> bool:
        """Apply a piece of a shell command's output, or its final output; False if the event does not fit."""
        index, delta, output = event.get("command_index", 0), event.get("delta"), event.get("output")
        if type(index) is not int:
            return False
        if isinstance(output, list):
            for offset, entry in enumerate(output):
                # The final output is of the commands from this one on, in their order.
                self._list("output")[index + offset] = entry
            return True
        holder = self._list("output").setdefault(index, {})
        if not isinstance(delta, dict) or not isinstance(holder, dict):
            return False
        for key, piece in delta.items():
            if isinstance(piece, str):
                self._strings.append(holder, key, piece)
        return True

    def settle(self) -> dict[str, Any]:
        """Write lists and strings into the item."""
        self._strings.settle()
        for member, parts in self._parts.items():
            values = [parts[index] for index in sorted(parts)]
            if member == "_commands":
                self._within("action")["commands"] = [value.get("command", "") for value in values]
            elif member == "_operation":
                self._within("operation").update(values[0])
            else:
                self.value[member] = values
        return self.value

    def _within(self, member: str) -> dict[str, Any]:
        inner = self.value.get(member)
        if not isinstance(inner, dict):
            inner = self.value[member] = {}
        return inner
