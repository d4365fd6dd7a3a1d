"""A store as coding agents leave it: sessions whose every turn sends the whole conversation again."""

import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attr

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.segments.segment import plain_path, segment_name, segments_dir

START = 1_790_000_000.0
MODELS = ("claude-opus-4-5", "claude-haiku-4-5", "claude-sonnet-4-5", "gpt-5.2-codex", "gemini-3-pro")
TOOLS = ("Bash", "Read", "Edit", "Grep", "WebFetch")
OUTCOMES = ("complete",) * 17 + ("http_error", "client_disconnected", "upstream_truncated")
_SYLLABLES = ("ka", "lo", "mi", "ter", "sun", "pra", "vel", "dor", "en", "qui", "ost", "fa", "ri", "bex", "ul", "zan")


@attr.frozen
class Shape:
    """What the sessions are like.

    :ivar turns: the most turns of a session.
    :ivar system_words: words of the system prompt, the same in all sessions.
    :ivar turn_words: words that each turn adds, on average.
    :ivar spacing: seconds between two requests.
    """

    turns: int = 16
    system_words: int = 150
    turn_words: int = 110
    spacing: float = 20.0
    parallel: int = 3


@functools.cache
def _vocabulary(seed: int) -> tuple[list[str], Any]:
    """Make the words of a seed, and return them and the state of the generator behind them."""
    source = random.Random(seed)
    return ["".join(source.choices(_SYLLABLES, k=2 + n % 4)) for n in range(12_000)], source.getstate()


class Corpus:
    """Makes the same records for the same seed."""

    def __init__(self, shape: Shape = Shape(), seed: int = 1) -> None:
        self._shape = shape
        self._seed = seed
        self._random = random.Random()
        self._words, state = _vocabulary(seed)
        self._random.setstate(state)
        self._system = self.text(shape.system_words)
        self._made = 0

    def text(self, words: int) -> str:
        """Return prose; few words are frequent, most are rare."""
        picks = (int(len(self._words) * self._random.random() ** 3) for _ in range(words))
        return " ".join(self._words[pick] for pick in picks)

    def records(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield records in the order in which they began; some sessions run beside one another."""
        running: list[Iterator[dict[str, Any]]] = []
        for _ in range(count):
            while True:
                if len(running) < self._shape.parallel:
                    running.append(self.session(self._random.randint(1, self._shape.turns)))
                place = self._random.randrange(len(running))
                record = next(running[place], None)
                if record is not None:
                    break
                del running[place]
            yield record

    def session(self, turns: int) -> Iterator[dict[str, Any]]:
        """Yield the records of one session of so many turns."""
        session = f"{self._random.getrandbits(128):032x}"
        model, cwd = self._random.choice(MODELS), f"/home/dev/project-{self._random.randrange(40)}"
        messages: list[dict[str, Any]] = []
        for turn in range(1, turns + 1):
            messages.append(self._ask(turn))
            answer = self._answer()
            yield self._record(session, turn, model, cwd, list(messages), answer)
            messages.append({"role": "assistant", "content": answer})

    def _ask(self, turn: int) -> dict[str, Any]:
        words = self._random.randint(1, self._shape.turn_words)
        if turn % 3 == 1:
            return {"role": "user", "content": [{"type": "text", "text": self.text(words)}]}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": self.text(words)}
        return {"role": "user", "content": [result]}

    def _answer(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = [
            {"type": "text", "text": self.text(self._random.randint(1, self._shape.turn_words))}
        ]
        if self._random.random() < 0.7:
            arguments = {"command": self.text(6), "path": f"/src/{self._random.randrange(900)}.py"}
            answer.append(
                {"type": "tool_use", "id": "toolu_1", "name": self._random.choice(TOOLS), "input": arguments}
            )
        return answer

    def _record(
        self,
        session: str,
        seq: int,
        model: str,
        cwd: str,
        messages: list[dict[str, Any]],
        answer: list[dict[str, Any]],
    ) -> dict[str, Any]:
        self._made += 1
        begun = START + self._seed * 1000 + self._made * self._shape.spacing
        outcome = self._random.choice(OUTCOMES)
        duration = round(self._random.lognormvariate(8, 1), 3)
        openai = model.startswith("gpt")
        stream = "".join(f"event: content_block_delta\ndata: {word}\n\n" for word in str(answer).split())
        return {
            "id": f"{int(begun * 1000):012x}{self._made & 0xFFFFFF:06x}{self._seed:08x}",
            "seq": seq,
            "session_id": session,
            "request_id": f"req_{self._made}",
            "started_at": iso_time(begun),
            "ended_at": iso_time(begun + duration / 1000),
            "duration_ms": duration,
            "ttft_ms": round(duration / 3, 3) if outcome == "complete" else None,
            "upstream": "openai" if openai else "anthropic",
            "dialect": "openai_responses" if openai else "anthropic",
            "category": "model",
            "model": model,
            "response_model": model,
            "outcome": outcome,
            "stop_reason": "end_turn" if outcome == "complete" else None,
            "error": None if outcome == "complete" else {"kind": outcome, "message": "it did not go well"},
            "partial": outcome in {"client_disconnected", "upstream_truncated"},
            "client": {"name": "codex" if openai else "claude-code", "version": "2.1.0", "cwd": cwd},
            "usage": {
                "input_tokens": 10 * seq,
                "output_tokens": 7,
                "cache_read_input_tokens": 100 * seq,
                "raw": None,
            },
            "timing": {"first_token": round(duration / 3, 3), "last_byte": duration},
            "request": {
                "method": "POST",
                "path": "/v1/messages?beta=true",
                "headers": {"content-type": "application/json", "authorization": "<redacted>"},
                "headers_raw": [["Content-Type", "application/json"], ["Authorization", "<redacted>"]],
                "http_version": "1.1",
                "body": {"model": model, "system": self._system, "messages": messages, "stream": True},
                "body_bytes": 1000 + seq,
            },
            "response": {
                "status": 529 if outcome == "http_error" else 200,
                "reason": "OK",
                "http_version": "1.1",
                "headers": {"content-type": "text/event-stream"},
                "headers_raw": [["Content-Type", "text/event-stream"]],
                "body_reassembled": {"id": "msg_1", "role": "assistant", "content": answer},
                "body_bytes": len(stream),
                "raw_sse_frames_count": 9,
                "stream": {"text": stream, "chunks": [[1.5, len(stream)]]},
            },
            "capture": {"faults": [], "redactions": 1, "dropped_bytes": 0},
            "upstream_url": None,
            "transport": "http",
            "connection": None,
            "delivered_bytes": None,
            "labels": {},
            "schema_version": 3,
        }


def started(record: dict[str, Any]) -> dict[str, Any]:
    """Return the line that precedes a record."""
    names = ("id", "seq", "session_id", "started_at", "upstream", "dialect", "category", "model", "client")
    request = record["request"]
    head = {name: request[name] for name in ("method", "path", "headers")}
    return {name: record[name] for name in names} | head | {"event": "started", "schema_version": 3}


class Segments:
    """Writes lines into segments, as plainly as can be."""

    def __init__(self, data_dir: Path, rotate_size: int = 64 << 20) -> None:
        self.data_dir = data_dir
        self._rotate_size = rotate_size
        self._name = ""
        self._left = 0
        segments_dir(data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, *values: dict[str, Any]) -> str:
        """Append each value as a line.

        :return: the segment's name.
        """
        lines = b"".join(map(codec.encode, values))
        if self._left < len(lines):
            self._name = segment_name(START, b"\0\0\0\1", self._name)
            self._left = max(self._rotate_size, len(lines))
        self._left -= len(lines)
        with plain_path(self.data_dir, self._name).open("ab") as file:
            file.write(lines)
        return self._name

    def fill(self, count: int, corpus: Corpus | None = None) -> list[dict[str, Any]]:
        """Append so many exchanges, each with its ``started`` line.

        :return: their records.
        """
        records = list((corpus or Corpus()).records(count))
        for record in records:
            self.write(started(record), record)
        return records
