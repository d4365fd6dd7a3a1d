"""Makes recordings: random streams and answers of every dialect, and calls that are no model's.

``python -m test.recorded.generate FOLDER [HOW_MANY] [SEED]`` writes them as lines of JSON, the same for a seed.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from test.dialects.anthropic_streams import anthropic_stream
from test.dialects.chat_streams import chat_stream
from test.dialects.gemini_streams import gemini_stream
from test.dialects.making import encode
from test.dialects.ollama_streams import ollama_stream
from test.dialects.responses_streams import responses_stream
from test.dialects.streams import Maker
from test.recorded.accumulation import encoded

Json = dict[str, Any]
_SSE, _JSON = "text/event-stream", "application/json"
#: Where each dialect of `test.dialects` is asked.
_URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "openai_responses": "https://api.openai.com/v1/responses",
    "openai_chat": "https://api.openai.com/v1/chat/completions",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse",
    "ollama": "http://ollama.com/api/chat",
}
_MAKERS = (anthropic_stream, responses_stream, chat_stream, gemini_stream, ollama_stream)


def _one(url: str, asked: Any, body: bytes, content_type: str, method: str = "POST", **headers: str) -> Json:
    fields = {"content-type": content_type, **headers}
    return {"method": method, "url": url, "asked": asked, "status": 200, "headers": fields, "body": encoded(body)}


def _stream(maker: Maker, number: int) -> Json:
    """A random stream, or the answer of the same call without one."""
    made = _MAKERS[number % len(_MAKERS)](maker)
    asked = {"model": "m", "messages": [{"role": "user", "content": maker.text()}], "stream": True}
    if maker.chance(0.35):
        url = _URLS[made.dialect].replace("streamGenerateContent?alt=sse", "generateContent")
        return _one(url, {**asked, "stream": False}, maker.json_text(made.intended).encode(), _JSON)
    body = encode(made, maker)
    lines = made.dialect == "ollama"
    media = "application/x-ndjson" if lines else _JSON if body.startswith(b"[") else _SSE
    return {**_one(_URLS[made.dialect], asked, body, media), "intended": made.intended}


def _sse(events: list[Json]) -> bytes:
    return b"".join(f"event: {e.get('type', '')}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def _counts(maker: Maker) -> tuple[int, int]:
    return maker.number() + 1, maker.number() + 1


def _cohere(maker: Maker) -> Json:
    """A chat of Cohere's second version."""
    told, written = _counts(maker)
    usage = {"billed_units": {"input_tokens": 1, "output_tokens": written},
             "tokens": {"input_tokens": told, "output_tokens": written}}  # fmt: skip
    text = maker.words()
    asked = {"model": "command", "messages": [], "stream": maker.chance(0.6)}
    url = "https://api.cohere.com/v2/chat"
    if not asked["stream"]:
        message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        body = {"id": "m", "message": message, "finish_reason": "COMPLETE", "usage": usage}
        return _one(url, asked, json.dumps(body).encode(), _JSON)
    delta = lambda kind, **message: {"type": kind, "index": 0, "delta": {"message": message}}  # noqa: E731
    events = [delta("message-start", role="assistant"), delta("content-start", content={"type": "text", "text": ""})]
    events += [delta("content-delta", content={"text": piece}) for piece in maker.pieces(text)]
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}
    return _one(url, asked, _sse([*events, {"type": "content-end", "index": 0}, end]), _SSE)


def _converse(maker: Maker) -> Json:
    """An answer of Bedrock's Converse."""
    told, written = _counts(maker)
    content: list[Json] = [{"text": maker.words()}]
    if maker.chance(0.5):
        content.append({"toolUse": {"toolUseId": "t", "name": "f", "input": maker.object()}})
    usage = {"inputTokens": told, "outputTokens": written, "cacheReadInputTokens": maker.number()}
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "usage": usage,
    }
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova/converse"
    return _one(url, {"messages": []}, maker.json_text(body).encode(), _JSON)


def _vendor_chat(maker: Maker) -> Json:
    """A chat stream in the manner of a server that tells its usage elsewhere, or adds members of its own."""
    told, written = _counts(maker)
    kind = maker.random.choice(("groq", "moonshot", "xai", "kimi"))
    usage: Json = {"prompt_tokens": told, "completion_tokens": written, "total_tokens": told + written}
    last: Json = {"index": 0, "delta": {}, "finish_reason": "stop"}
    tail: Json = {"id": "c", "object": "chat.completion.chunk", "choices": [last]}
    if kind == "groq":
        tail["x_groq"] = {"id": "r", "usage": usage}
    elif kind == "moonshot":
        last["usage"] = usage
    else:
        thought = maker.number()
        tail["usage"] = {**usage, "total_tokens": told + written + thought,
                         "completion_tokens_details": {"reasoning_tokens": thought}}  # fmt: skip
    extra = {"token_id": 7, "channel": "final"} if kind == "groq" else {}
    pieces = [{"index": 0, "delta": {"content": piece, **extra}} for piece in maker.pieces(maker.words())]
    chunks = [
        {"id": "c", "object": "chat.completion.chunk", "metadata": {"gw": 1}, "choices": [one]} for one in pieces
    ]
    asked = {"model": "m", "messages": [], "stream": True}
    body = b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in [*chunks, tail]) + b"data: [DONE]\n\n"
    host = {"groq": "api.groq.com/openai", "moonshot": "api.moonshot.ai", "xai": "api.x.ai"}.get(kind, "api.kimi.com")
    return _one(f"https://{host}/v1/chat/completions", asked, body, _SSE)


def _other(maker: Maker) -> Json:
    """A call that is no model's, or whose answer is no text."""
    name = maker.name("x")
    openai = "https://api.openai.com/v1"
    line = b'{"custom_id": "a", "result": {"type": "succeeded"}}\n'
    kinds: tuple[Callable[[], Json], ...] = (
        lambda: _one(f"{openai}/threads", {}, b'{"id":"t","object":"thread","metadata":{}}', _JSON),
        lambda: _one(f"{openai}/batches", {}, b'{"id":"b","object":"batch","metadata":null}', _JSON),
        lambda: _one(f"{openai}/files", None, b'{"object":"list","data":[]}', _JSON, "GET"),
        lambda: _one(f"{openai}/models", None, b'{"object":"list","data":[]}', _JSON, "GET"),
        lambda: _one(f"{openai}/vector_stores", {"name": name}, b'{"object":"vector_store","metadata":{}}', _JSON),
        lambda: _one(
            f"{openai}/embeddings", {"model": "e", "input": name},
            b'{"object":"list","data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}', _JSON,
        ),
        lambda: _one(
            "https://api.anthropic.com/v1/messages/batches/b/results", None, line * maker.random.randrange(1, 5),
            "application/x-jsonl", "GET",
        ),
        lambda: _one(f"{openai}/audio/speech", {"model": "t", "input": name}, b"\xff\xfb\x00" * 9, "audio/mpeg"),
    )  # fmt: skip
    return maker.random.choice(kinds)()


def exchanges(how_many: int, seed: int) -> list[Json]:
    """Make so many exchanges."""
    made = []
    for number in range(how_many):
        maker = Maker(seed + number)
        kinds = (_stream, _stream, _stream, _stream, _stream, _other, _cohere, _converse, _vendor_chat)
        kind: Any = kinds[number % len(kinds)]
        made.append(kind(maker, number) if kind is _stream else kind(maker))
    return made


def main(arguments: list[str]) -> int:
    """Write the recordings."""
    folder = Path(arguments[0])
    how_many, seed = (int(each) for each in [*arguments[1:3], "1600", "7"][:2]) if arguments[1:] else (1600, 7)
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(each) + "\n" for each in exchanges(how_many, seed))
    (folder / "made.jsonl").write_text(lines, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
