"""A provider's prompt cache and tokenizer, simulated by the published rules: the truth that insight is held to."""

import hashlib
import json
import re
from typing import Any

import attr

from ccsproxy.insight.prompt.images import image_tokens, images_in

_PIECES = re.compile(r"[A-Za-z]+|\d{1,3}|\n[ \t]*|[^\sA-Za-z\d]|[ \t]{2,}")
LOOK_BACK = 20


def count(text: str) -> int:
    """Count tokens as a byte-pair encoding roughly does; nothing in it is shared with what estimates them."""
    total = 0
    for piece in _PIECES.findall(text):
        total += 1 if len(piece) <= 7 or not piece.isalpha() else -(-len(piece) // 5)
    return total


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def bare(block: Any) -> Any:
    """Return a block without its marker, nested ones included."""
    if isinstance(block, list):
        return [bare(each) for each in block]
    if not isinstance(block, dict):
        return block
    return {key: bare(value) for key, value in block.items() if key != "cache_control"}


def block_tokens(block: Any, model: str, kind: str = "") -> int:
    """Count a block of the prompt."""
    if kind == "tools":
        return count(json.dumps(block)) + 9
    if isinstance(block, str):
        return count(block)
    if block.get("type") == "image":
        return image_tokens(model, next(images_in(block)))
    if block.get("type") == "tool_result":
        content = (
            block["content"] if isinstance(block["content"], list) else [{"type": "text", "text": block["content"]}]
        )
        return sum(block_tokens(each, model) for each in content) + 8
    if block.get("type") == "tool_use":
        return count(json.dumps(block["input"])) + count(block["name"]) + 8
    return count(block.get("text") or block.get("thinking") or "")


@attr.define
class Flat:
    """One block of a prompt in its order."""

    kind: str
    value: Any
    tokens: int
    ttl: int
    message: int = -1


def flatten(body: dict[str, Any], model: str) -> list[Flat]:
    """Write a Messages request as the blocks that the cache goes by."""
    found = [
        Flat("tools", bare(tool), block_tokens(bare(tool), model, "tools"), ttl(tool))
        for tool in body.get("tools", [])
    ]
    found += [
        Flat("system", bare(block), block_tokens(bare(block), model), ttl(block)) for block in body.get("system", [])
    ]
    for number, message in enumerate(body["messages"]):
        content = message["content"]
        content = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for place, block in enumerate(content):
            frame = 4 if place == 0 else 0
            found.append(
                Flat(
                    "messages", [message["role"], bare(block)], block_tokens(block, model) + frame, ttl(block), number
                )
            )
    return found


def ttl(block: Any) -> int:
    mark = block.get("cache_control") if isinstance(block, dict) else None
    return 0 if not mark else 3600 if mark.get("ttl") == "1h" else 300


@attr.define
class AnthropicCache:
    """The cache of Claude: entries at breakpoints, 20 positions of looking back, lives from the request's start."""

    minimum: int = 1024
    entries: dict[str, tuple[float, int]] = attr.field(factory=dict)

    def ask(self, body: dict[str, Any], at_s: float, scope: str = "", began: bool = True) -> dict[str, int]:
        """Return the usage of a request, and keep what it writes.

        :param began: whether its answer begins, so that others can read what it wrote.
        """
        model = body["model"]
        blocks = flatten(body, model)
        prefixes, ends = self._prefixes(body, blocks, scope)
        total = ends[-1] if ends else 0
        marks = [n for n, block in enumerate(blocks) if block.ttl]
        if not marks:
            return usage(0, 0, 0, total)
        hit = self._hit(marks, prefixes, ends, blocks, at_s)
        read = ends[hit] if hit >= 0 else 0
        for n in marks:
            if began and n <= hit and prefixes[n] in self.entries:
                self._keep(prefixes[n], at_s, blocks[n].ttl)
        if hit >= 0:
            self._keep(prefixes[hit], at_s, self.entries[prefixes[hit]][1])
        beyond = [n for n in marks if n > hit and ends[n] >= self.minimum]
        hours = [ends[n] for n in beyond if blocks[n].ttl == 3600]
        last = ends[beyond[-1]] if beyond else read
        hour = max(hours[-1] - read, 0) if hours else 0
        for n in beyond:
            if began:
                self._keep(prefixes[n], at_s, blocks[n].ttl)
        return usage(read, last - read - hour, hour, total - last)

    def _keep(self, prefix: str, at_s: float, life: int) -> None:
        self.entries[prefix] = (at_s + life, life)

    def _prefixes(self, body: dict[str, Any], blocks: list[Flat], scope: str) -> tuple[list[str], list[int]]:
        settings = {
            "tools": [body["model"], scope],
            "system": [body.get("speed")],
            "messages": [body.get("tool_choice"), body.get("thinking")],
        }
        rolling, at, level = hashlib.sha256(), 0, ""
        prefixes, ends = [], []
        for block in blocks:
            if block.kind != level:
                level = block.kind
                order = list(settings)
                said = [settings[each] for each in order[: order.index(level) + 1]]
                rolling.update(json.dumps([level, said]).encode())
            rolling.update(json.dumps(block.value).encode())
            at += block.tokens
            prefixes.append(rolling.hexdigest())
            ends.append(at)
        return prefixes, ends

    def _hit(self, marks: list[int], prefixes: list[str], ends: list[int], blocks: list[Flat], at_s: float) -> int:
        for mark in reversed(marks):
            seen, n = 1, mark
            while n >= 0 and seen <= LOOK_BACK:
                entry = self.entries.get(prefixes[n])
                if entry is not None and entry[0] > at_s and ends[n] >= self.minimum:
                    return n
                together = n > 0 and _run(blocks[n]) and _run(blocks[n]) == _run(blocks[n - 1])
                seen += not together
                n -= 1
        return -1


def _run(block: Flat) -> str:
    value = block.value[1] if isinstance(block.value, list) else block.value
    kind = value.get("type", "") if isinstance(value, dict) else ""
    return kind if kind in ("tool_use", "tool_result") else ""


def usage(read: int, five: int, hour: int, rest: int) -> dict[str, int]:
    """Write what was used in the record's names."""
    return {
        "input_tokens": rest,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation_5m": five,
        "cache_creation_1h": hour,
    }


@attr.define
class AutomaticCache:
    """OpenAI's automatic cache to GPT-5.5: whole prefixes in steps of 128 tokens, from 1,024 on."""

    idle_s: float = 600.0
    entries: dict[str, float] = attr.field(factory=dict)

    def ask(self, body: dict[str, Any], at_s: float) -> dict[str, Any]:
        """Return the usage of a Responses request."""
        pieces = [*body.get("tools", []), {"instructions": body.get("instructions", "")}, *body["input"]]
        rolling, at, read = hashlib.sha256(), 0, 0
        key = [body["model"], body.get("reasoning"), body.get("prompt_cache_key")]
        rolling.update(json.dumps(key).encode())
        total = sum(count(_words(piece)) + 4 for piece in pieces)
        for piece in pieces:
            rolling.update(json.dumps(piece).encode())
            at += count(_words(piece)) + 4
            known = self.entries.get(rolling.hexdigest())
            if known is not None and known > at_s and at >= 1024:
                read = at // 128 * 128
            if total >= 1024:
                self.entries[rolling.hexdigest()] = at_s + self.idle_s
        return {"input_tokens": total - read, "cache_read_input_tokens": read, "cache_creation_input_tokens": None}


def _words(piece: Any) -> str:
    if "instructions" in piece:
        return piece["instructions"]
    content = piece.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return content or piece.get("output") or piece.get("arguments") or json.dumps(piece)
