"""Exchanges as `paced` sends them, as the frames that the recorder gets: 30 events, 33 header lines, 1 KB asked."""

from collections.abc import Iterator

from ccsproxy.capture import frames
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from test.capture import encoded

REQUEST = b"""Host: 127.0.0.1:7002
Accept: application/json
x-stainless-arch: x64
x-stainless-lang: js
x-stainless-os: Linux
x-stainless-package-version: 0.60.0
x-stainless-retry-count: 0
x-stainless-runtime: node
x-stainless-runtime-version: v22.11.0
x-stainless-timeout: 600
anthropic-dangerous-direct-browser-access: true
anthropic-version: 2023-06-01
x-api-key: sk-mock-0000000000000000
x-app: cli
user-agent: claude-cli/2.0.0 (external, cli)
anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14
accept-language: *
sec-fetch-mode: cors
x-mock: mode=paced&n=30&ms=100
Content-Type: application/json"""
RESPONSE = b"""Content-Type: text/event-stream; charset=utf-8
Cache-Control: no-cache
Transfer-Encoding: chunked
request-id: req_%012d
anthropic-organization-id: 00000000-0000-0000-0000-000000000000
anthropic-ratelimit-unified-status: allowed
anthropic-ratelimit-unified-reset: 1760000000
via: 1.1 google
cf-cache-status: DYNAMIC
server: cloudflare
cf-ray: 0000000000000000-FRA
date: Fri, 20 Nov 2026 12:00:00 GMT"""
EVENTS = 30
START = (
    b'"message":{"id":"msg_%d","type":"message","role":"assistant","model":"claude-mock-1","content":[],'
    b'"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,'
    b'"cache_read_input_tokens":0,"output_tokens":1}}'
)
DELTA = b'"index":0,"delta":{"type":"text_delta","text":"%d %d %b"}'
QUESTION = (
    b'{"model":"claude-mock-1","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"%s"}]}'
    % (b"the quick brown fox jumps over the lazy dog\\n " * 20)
)


def _lines(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n") + b"\r\n"


def _event(kind: bytes, members: bytes = b"") -> bytes:
    return b'event: %b\ndata: {"type":"%b"%b}\n\n' % (kind, kind, b"," + members if members else b"")


def events(number: int) -> list[bytes]:
    """Return the events of one answer."""
    text = b"the quick brown fox jumps over the lazy dog the"
    return [
        _event(b"message_start", START % number),
        _event(b"content_block_start", b'"index":0,"content_block":{"type":"text","text":""}'),
        *(
            _event(
                b"content_block_delta",
                DELTA % (number, n, text),
            )
            for n in range(EVENTS - 5)
        ),
        _event(b"content_block_stop", b'"index":0'),
        _event(
            b"message_delta",
            b'"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}' % EVENTS,
        ),
        _event(b"message_stop"),
    ]


def exchange(number: int) -> list[bytes]:
    """Return the frames of one exchange, encoded."""
    headers = _lines(b"%b\nContent-Length: %d" % (REQUEST, len(QUESTION)))
    target = b"/v1/messages"
    head = RequestHead(
        f"{number:026x}", 1.7e9 + number / 340, "mock", "", b"POST", target, target, "1.1", headers, "127.0.0.1"
    )
    answer = ResponseHead(200, b"OK", "1.1", _lines(RESPONSE % number))
    pieces = events(number)
    last = 1000 + 100_000 * EVENTS
    timing = Timing(300, True, 400, 900, 1000, last, 120)
    size = sum(map(len, pieces))
    ending = Ending("complete", "", "", last + 50, timing, len(QUESTION), size, size)
    return [
        encoded.head(number, 0, head),
        frames.frame(frames.REQUEST_BODY, number, 250, QUESTION),
        encoded.response_head(number, 900, answer),
        *(frames.frame(frames.RESPONSE_BODY, number, 1000 + 100_000 * n, piece) for n, piece in enumerate(pieces)),
        encoded.end(number, last + 50, frames.EndFrame(ending, len(QUESTION), size)),
    ]


def reads(first: int, count: int, together: int = 25) -> Iterator[bytes]:
    """Yield what so many exchanges at a time give to read, in turns, as a relay sends them in its ticks."""
    turns = zip(*(exchange(first + n) for n in range(count)), strict=True)
    waiting: list[bytes] = []
    for turn in turns:
        for frame in turn:
            waiting.append(frame)
            if len(waiting) == together:
                yield b"".join(waiting)
                waiting = []
    yield b"".join(waiting)
