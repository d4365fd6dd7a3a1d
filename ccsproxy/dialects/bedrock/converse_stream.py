"""Reassembles the events of a Bedrock Converse stream."""

from typing import Any, TypeGuard

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.bedrock.usage import converse_usage
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend, joined
from ccsproxy.dialects.json_body import member
from ccsproxy.dialects.tool_json import tool_input

#: The events of a Converse stream, by the name that the framing (or the one member of a wrapped event) gives.
EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


#: The member that each event requires, in streams whose events are wrapped in their names.
_NEEDED = {
    "messageStart": "role",
    "contentBlockStart": "contentBlockIndex",
    "contentBlockDelta": "contentBlockIndex",
    "contentBlockStop": "contentBlockIndex",
    "messageStop": "stopReason",
}


def is_event(value: Any) -> bool:
    """Whether a value is an event of Converse that is wrapped in its name; many other objects have ``metadata``."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    name, event = next(iter(value.items()))
    if name == "metadata":
        return isinstance(member(member(event, "usage"), "inputTokens"), int)
    needed = _NEEDED.get(name)
    return needed is not None and needed in (event if isinstance(event, dict) else ())


def is_answer(value: Any) -> bool:
    """Return whether a value has the form of an answer of ``/converse``."""
    message = member(member(value, "output"), "message")
    return isinstance(message, dict) and ("role" in message or "content" in message)


class ConverseReassembler:
    """Reassembles one stream into the answer that ``/converse`` would have given."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._strings = GrowingStrings()
        self._body: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, list[str]] = {}
        self._stopped: set[int] = set()
        self._ended = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event, bare with its name or wrapped in a member of its name."""
        if isinstance(value, dict) and name not in EVENTS:
            name = next((key for key in value if key in EVENTS), name)
            value = value.get(name, value)
        if not isinstance(value, dict) or name not in EVENTS:
            self.findings.unplaced({name: value} if name else value)
        elif name.startswith("contentBlock"):
            self._block_event(name, value, at_ms)
        elif name == "messageStart":
            self._message.update({k: v for k, v in value.items() if k != "p"})
        else:
            self._ended = self._ended or name == "messageStop"
            self._body.update({k: v for k, v in value.items() if k != "p" and v is not None})

    def ended(self) -> None:
        """Ignore ``[DONE]``, which this dialect does not have."""

    def _block_event(self, name: str, event: dict[str, Any], at_ms: float) -> None:
        index = event.get("contentBlockIndex")
        if type(index) is not int:
            self.findings.unplaced({name: event}, "invalid_event")
            return
        if name == "contentBlockStop":
            self._stopped.add(index)
            return
        block = self._blocks.setdefault(index, {})
        if name == "contentBlockStart":
            start = event.get("start")
            block.update(start if isinstance(start, dict) else {})
            if start:
                self.findings.content(at_ms)
            return
        delta = event.get("delta")
        for key, value in delta.items() if isinstance(delta, dict) else ():
            if value and value != {"text": ""}:
                self.findings.content(at_ms)
            if not self._delta(index, block, key, value):
                self.findings.fault("unknown_delta")
                block.setdefault("_unparsed_deltas", []).append({key: value})

    def _delta(self, index: int, block: dict[str, Any], key: str, value: Any) -> bool:
        if key == "text" and isinstance(value, str):
            self._strings.append(block, "text", value)
            return True
        if key == "toolResult" and isinstance(value, list):
            return self._tool_result(block, value)
        if not isinstance(value, dict):
            return False
        if key == "toolUse" and isinstance(value.get("input"), str):
            self._inputs.setdefault(index, []).append(value["input"])
            return True
        if key == "reasoningContent":
            return self._reasoning(block, value)
        if key == "citation":
            return self._cite(block, value)
        return False

    def _tool_result(self, block: dict[str, Any], parts: list[Any]) -> bool:
        """Add to the result of a tool that Bedrock ran itself; neighbouring texts are one."""
        result = block.setdefault("toolResult", {})
        if not isinstance(result, dict) or not isinstance(result.setdefault("content", []), list):
            return False
        content = result["content"]
        for part in parts:
            last = content[-1] if content else None
            if is_text(part) and is_text(last):
                self._strings.append(last, "text", part["text"])
            else:
                content.append(part)
        return True

    def _reasoning(self, block: dict[str, Any], delta: dict[str, Any]) -> bool:
        holder = block.setdefault("reasoningContent", {})
        if not isinstance(holder, dict):
            return False
        for key, value in delta.items():
            if key in ("text", "signature") and isinstance(value, str):
                inner = holder.setdefault("reasoningText", {})
                if not isinstance(inner, dict):
                    return False
                self._strings.append(inner, key, value)
            elif key in ("redactedContent", "data") and isinstance(value, str):
                self._strings.append(holder, "redactedContent", value)
            else:
                holder[key] = value
        return True

    def _cite(self, block: dict[str, Any], citation: dict[str, Any]) -> bool:
        """The finished block holds text and citations together, in ``citationsContent``."""
        return extend(block, "_citations", [citation])

    def _content(self) -> list[dict[str, Any]]:
        self._strings.settle()
        for index, pieces in self._inputs.items():
            block = self._blocks[index]
            call = block.get("toolUse")
            if not isinstance(call, dict):
                call = block["toolUse"] = {}
            tool_input(call, "input", joined(pieces), self.findings, whole=index in self._stopped)
        order = sorted(self._blocks)
        if order != list(range(len(order))):
            self.findings.fault("index_gap")
        return [_with_citations(self._blocks[index]) for index in order]

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived."""
        body = dict(self._body)
        if self._message or self._blocks:
            body["output"] = {"message": {**self._message, "content": self._content()}}
        reason = body.get("stopReason")
        return Settled(
            body=self.findings.attach(body or None),
            usage=converse_usage(body.get("usage"), body.get("serviceTier")),
            stop_reason=reason if isinstance(reason, str) else None,
            complete=self._ended and self.findings.error is None,
            counted="usage" in body,
            answered="output" in body,
        )


def is_text(part: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a part is nothing but text."""
    return isinstance(part, dict) and part.keys() == {"text"} and isinstance(part["text"], str)


def _with_citations(block: dict[str, Any]) -> dict[str, Any]:
    citations = block.pop("_citations", None)
    if citations is None:
        return block
    text = block.pop("text", "")
    return {"citationsContent": {"content": [{"text": text}], "citations": citations}, **block}
