"""Puts the events of a Bedrock Converse stream together."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend, joined
from ccsproxy.dialects.tool_json import tool_input
from ccsproxy.dialects.usage import converse_usage

#: The events of a Converse stream, by the name that the framing (or the one member of a wrapped event) gives.
EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


class ConverseReassembler:
    """Reassembles one stream into what ``/converse`` would have answered."""

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
            self.findings.content(at_ms)
            if not self._delta(index, block, key, value):
                self.findings.fault("unknown_delta")
                block.setdefault("_unparsed_deltas", []).append({key: value})

    def _delta(self, index: int, block: dict[str, Any], key: str, value: Any) -> bool:
        if key == "text" and isinstance(value, str):
            self._strings.append(block, "text", value)
            return True
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
        """Return the answer as far as it came."""
        body = dict(self._body)
        if self._message or self._blocks:
            body["output"] = {"message": {**self._message, "content": self._content()}}
        reason = body.get("stopReason")
        return Settled(
            body=self.findings.attach(body or None),
            usage=converse_usage(body.get("usage")),
            stop_reason=reason if isinstance(reason, str) else None,
            complete=self._ended and self.findings.error is None,
        )


def _with_citations(block: dict[str, Any]) -> dict[str, Any]:
    citations = block.pop("_citations", None)
    if citations is None:
        return block
    text = block.pop("text", "")
    return {"citationsContent": {"content": [{"text": text}], "citations": citations}, **block}
