"""Coding agents that talk to a simulated provider, and the records that a proxy would keep of them."""

import hashlib
import json
import random
import struct
import zlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import attr

from test.insight.provider import AnthropicCache, block_tokens, flatten

EPOCH_S = datetime(2026, 11, 30, 10, 0, tzinfo=UTC).timestamp()
WORDS = """the build fails when a webhook of the payment provider is retried and the ledger holds two rows for one
refund so look at the handler first then at the transaction that wraps it and say which test would have seen this
idempotency key customer invoice amount currency database index migration session request response timeout""".split()


def prose(rng: random.Random, words: int) -> str:
    """Write sentences that no two calls have in common."""
    return " ".join(rng.choice(WORDS) for _ in range(words))


def code(rng: random.Random, lines: int) -> str:
    """Write something that looks like source code."""
    return "\n".join(
        f"    {rng.choice(WORDS)}_{rng.randrange(900)} = {rng.choice(WORDS)}.{rng.choice(WORDS)}"
        f'("{rng.choice(WORDS)}", {rng.randrange(9999)})'
        for _ in range(lines)
    )


def tool(name: str, rng: random.Random, words: int = 60) -> dict[str, Any]:
    """Make the definition of a tool."""
    members = {rng.choice(WORDS) + str(n): {"type": "string", "description": prose(rng, 12)} for n in range(3)}
    return {"name": name, "description": prose(rng, words), "input_schema": {"type": "object", "properties": members}}


def png(width: int, height: int) -> str:
    """Make a picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\0\0\0" * width for _ in range(height)), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b64encode(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    ).decode()


def moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@attr.define
class Recorder:
    """Numbers the calls of each session and writes their records."""

    records: list[dict[str, Any]] = attr.field(factory=list)
    seqs: dict[str, int] = attr.field(factory=dict)

    def keep(
        self, session: str, at_s: float, body: Any, answer: Any, usage: dict[str, Any] | None, **more: Any
    ) -> dict[str, Any]:
        """Keep the record of an exchange."""
        self.seqs[session] = seq = self.seqs.get(session, 0) + 1
        took = more.pop("took_ms", 1500.0)
        encoded = json.dumps(body).encode()
        status = more.pop("status", 200)
        model = body.get("model") if isinstance(body, dict) else None
        headers = {"content-type": "application/json", **more.pop("headers", {})}
        said = {"content-type": "application/json", **more.pop("said", {})}
        outcome = more.pop("outcome", "complete" if status < 400 else "http_error")
        timing = {
            "headers": 300.0,
            "first_byte": 300.0,
            "max_gap": 100.0,
            "overhead_us": 900,
            **more.pop("timing", {}),
        }
        record = {
            "id": f"{int(at_s * 1000):012x}{len(self.records):014x}",
            "seq": seq,
            "session_id": session,
            "request_id": None,
            "started_at": moment(at_s),
            "ended_at": moment(at_s + took / 1000),
            "duration_ms": took,
            "ttft_ms": more.pop("ttft_ms", 400.0) if status < 400 else None,
            "upstream": "anthropic",
            "dialect": "anthropic",
            "category": "model",
            "model": model,
            "response_model": model if status < 400 else None,
            "outcome": outcome,
            "stop_reason": None,
            "error": None,
            "partial": outcome != "complete",
            "usage": usage,
            "client": {"name": "claude-code", "version": "2.1.197", **more.pop("client", {})},
            "timing": timing,
            "request": {
                "method": "POST",
                "path": "/v1/messages?beta=true",
                "headers": headers,
                "headers_raw": list(headers.items()),
                "http_version": "1.1",
                "body": body,
                "body_bytes": len(encoded),
                "body_sha256": hashlib.sha256(encoded).hexdigest(),
            },
            "response": {
                "status": status,
                "reason": "OK",
                "http_version": "1.1",
                "headers": said,
                "headers_raw": list(said.items()),
                "body_reassembled": answer,
                "body_bytes": 500,
                **more.pop("response", {}),
            },
            "capture": {"faults": [], "redactions": 0, "dropped_bytes": 0, **more.pop("capture", {})},
            "schema_version": 2,
            **more,
        }
        self.records.append(record)
        return record


@attr.define
class Claude:
    """Claude Code in one project: a main thread, side calls and sub-agents.

    :ivar truth: tokens by kind of part, of the newest call.
    """

    recorder: Recorder
    cache: AnthropicCache
    session: str
    rng: random.Random
    model: str = "claude-opus-5-5"
    cwd: str = "/home/dev/webshop"
    account: str = "acc-1"
    version: str = "2.1.197"
    ttl: str | None = None
    agent: str | None = None
    tools: list[dict[str, Any]] = attr.field(factory=list)
    system: list[str] = attr.field(factory=list)
    messages: list[dict[str, Any]] = attr.field(factory=list)
    more: dict[str, Any] = attr.field(factory=dict)
    now_s: float = EPOCH_S
    mark_messages: bool = True
    mark_system: bool = True
    calls: int = 0
    capture: dict[str, Any] = attr.field(factory=dict)

    def say(self, text: str, reminder: str = "") -> None:
        """Add a message of the user."""
        blocks = [{"type": "text", "text": f"<system-reminder>\n{reminder}\n</system-reminder>"}] if reminder else []
        self.messages.append({"role": "user", "content": [*blocks, {"type": "text", "text": text}]})

    def results(self, *given: tuple[str, Any]) -> None:
        """Add the results of tool calls."""
        self.messages.append(
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": joined, "content": content} for joined, content in given
                ],
            }
        )

    def body(self) -> dict[str, Any]:
        """Write the request as the client would: marked at the end of the system prompt and of the messages."""
        mark = {"type": "ephemeral", **({"ttl": self.ttl} if self.ttl else {})}
        system = [{"type": "text", "text": text} for text in self.system]
        if system and self.mark_system:
            system[-1]["cache_control"] = mark
        messages = json.loads(json.dumps(self.messages))
        if messages and self.mark_messages:
            messages[-1]["content"][-1]["cache_control"] = mark
        return {
            "model": self.model,
            "max_tokens": 32000,
            "stream": True,
            "system": system,
            "tools": self.tools,
            "messages": messages,
            **self.more,
        }

    def who(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "agent": self.agent,
            "cwd": self.cwd,
            "account": self.account,
            "version": self.version,
        }

    def ask(
        self,
        blocks: list[dict[str, Any]],
        *,
        took_s: float = 2.0,
        usage: dict[str, Any] | None = None,
        scope: str = "",
        reasoning: int = 0,
        **more: Any,
    ) -> dict[str, Any]:
        """Send the conversation and take an answer into it."""
        body = self.body()
        counted = usage or self.cache.ask(body, self.now_s, scope or self.account)
        output = sum(block_tokens(block, self.model) for block in blocks) + 4 + reasoning
        counted = {**counted, "output_tokens": output, "reasoning_tokens": reasoning or None}
        stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        self.calls += 1
        answer = {
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": blocks,
            "stop_reason": stop,
            "usage": {},
        }
        record = self.recorder.keep(
            self.session,
            self.now_s,
            body,
            answer,
            counted,
            client=self.who(),
            took_ms=took_s * 1000,
            stop_reason=stop,
            capture=self.capture,
            **more,
        )
        self.messages.append({"role": "assistant", "content": blocks})
        self.now_s += took_s
        return record

    def fail(self, status: int, **more: Any) -> dict[str, Any]:
        """Send the conversation and get an error."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        record = self.recorder.keep(
            self.session,
            self.now_s,
            self.body(),
            error,
            None,
            client=self.who(),
            status=status,
            took_ms=300.0,
            error={"kind": "upstream_http_error", "message": "Overloaded"},
            **more,
        )
        self.now_s += 0.3
        return record

    def title(self, text: str, model: str | None = None) -> dict[str, Any]:
        """Make the side call that names the session."""
        schema = {"type": "json_schema", "schema": {"type": "object", "properties": {"title": {"type": "string"}}}}
        body = {
            "model": model or self.model,
            "max_tokens": 200,
            "system": [{"type": "text", "text": "You name conversations."}],
            "tools": [],
            "output_config": {"format": schema},
            "messages": [{"role": "user", "content": [{"type": "text", "text": f"<session>{text}</session>"}]}],
        }
        counted = {**self.cache.ask(body, self.now_s, self.account), "output_tokens": 12, "reasoning_tokens": None}
        answer = {"role": "assistant", "content": [{"type": "text", "text": '{"title": "Twice refunded"}'}]}
        return self.recorder.keep(self.session, self.now_s + 0.05, body, answer, counted, client=self.who())

    def true_kinds(self) -> dict[str, int]:
        """Count what the next prompt is made of."""
        found: dict[str, int] = {}
        for block in flatten(self.body(), self.model):
            value = block.value if block.kind != "messages" else block.value[1]
            kind = block.kind if block.kind != "messages" else _kind(block.value[0], value)
            found[kind] = found.get(kind, 0) + block.tokens
        return found


def _kind(role: str, block: dict[str, Any]) -> str:
    if block["type"] == "tool_use":
        return "tool_call"
    if block["type"] in ("tool_result", "image", "thinking"):
        return block["type"]
    if role == "assistant":
        return "answer"
    return "context" if block["text"].startswith("<system-reminder>") else "user"


def use(name: str, given: dict[str, Any], joined: str) -> dict[str, Any]:
    """Make the block of a tool call."""
    return {"type": "tool_use", "id": joined, "name": name, "input": given}


def text(words: str) -> dict[str, Any]:
    """Make the block of a text."""
    return {"type": "text", "text": words}
