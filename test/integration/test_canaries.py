"""Secrets put everywhere in exchanges are found nowhere afterwards: in no file, log, answer or event."""

import gzip
import json
from typing import Any

import brotli
import zstandard

from test.integration.canaries import PIECE
from test.integration.messages import chunks
from test.integration.watched import WatchedTestCase
from test.integration.writing import END, JSON, SSE, answer, anthropic, head, post, sse

HEADERS = (
    "x-api-key api-key anthropic-api-key openai-api-key x-goog-api-key x-amz-security-token x-auth-token "
    "x-client-secret x-access-key my-password x-session-token cf-access-jwt-assertion x-amz-credential"
).split()
PARAMETERS = (
    "key api_key access_token token sig signature code X-Amz-Signature X-Amz-Credential client_secret %6Bey".split()
)
KEYS = (
    "password api_key apiKey access_token refreshToken client_secret secret private_key authorization credentials "
    "auth cookie session_key passphrase AWS_SECRET_ACCESS_KEY id_token x-api-key accessKeyId token bearer_token"
).split()


def pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


class CanaryTests(WatchedTestCase):
    """A running service with its API, and exchanges full of secrets."""

    async def test_the_search_finds(self) -> None:
        """Without redaction a canary is found in the segment, the index, the answers and the events."""
        await self.start_watched(redact=False)
        body = json.dumps({"model": f"pw9{self.canaries.core('model')}", "messages": []}).encode()
        await self.exchange(post("/v1/messages", body, JSON), answer(b"{}", JSON))
        await self.settled()
        left = " ".join(await self.search())
        assert self.running is not None
        await self.running.shutdown()
        left += " ".join(self.canaries.found_in_files(self.data_dir))
        for where in (".jsonl", "index.sqlite3", "live events", "/api/requests/", "/api/export/", "/api/meta"):
            self.assertIn(f"model: in {where}" if where[0] in "/i" else where, left)

    async def test_heads(self) -> None:
        """Header fields by name, pattern and shape; query parameters; user names in URLs; trailers; reasons."""
        await self.start_watched()
        c = self.canaries
        for name in HEADERS:
            fields = [(name, c.password(f"request header {name}")), ("X-Note", c.key("a header's text"))]
            await self.exchange(post("/v1/x", b"{}", *fields), answer(b"{}", (name, c.password(f"response {name}"))))
        for value in (f"Bearer t9{c.core('bearer')}", f"Basic {c.basic('basic')}", f"token {c.password('token')}"):
            await self.exchange(post("/v1/x", b"{}", ("Authorization", value)), answer(b"{}"))
            await self.exchange(post("/v1/x", b"{}", ("Proxy-Authorization", value)), answer(b"{}"))
        cookie = f"a={c.password('cookie')}; b={c.password('cookie')}"
        await self.exchange(post("/v1/x", b"{}", ("Cookie", cookie)), answer(b"{}", ("Set-Cookie", cookie)))
        for name in PARAMETERS:
            url = f"/v1/x?a=b&{name}={c.password(f'query {name}')}"
            location = f"https://example.com{url.replace('%6B', 'k')}"
            await self.exchange(post(url, b"{}"), answer(b"{}", ("Location", location), status="302 Found"))
        url = f"https://me:{c.password('userinfo')}@example.com/"
        await self.exchange(post(f"/v1/{url}", b"{}", ("Referer", url)), answer(b"{}", ("Link", f"<{url}>; rel=x")))
        await self.exchange(post(f"/v1/{c.key('path')}/x", b"{}"), answer(b"{}", status=f"200 {c.key('reason')}"))
        trailed = (
            chunks(b"{}")[:-2]
            + f"X-Auth-Token: {c.password('trailer')}\r\nX-Sum: {c.key('trailer')}\r\n\r\n".encode()
        )
        await self.exchange(
            post("/v1/x", b"{}"), head("HTTP/1.1 200 OK", [JSON, ("Transfer-Encoding", "chunked")]) + trailed
        )
        who = [("X-Claude-Code-Session-Id", "session"), ("User-Agent", "agent"), ("Session-Id", "id"),
               ("X-Claude-Code-Agent-Id", "agent id"), ("Chatgpt-Account-Id", "account")]  # fmt: skip
        for name, place in who:
            await self.exchange(post("/v1/messages", b"{}", (name, c.key(place))), answer(b"{}"))
        await self.exchange(post("/v1/x", b"{}"), answer(b"{}", ("Request-Id", c.key("request id"))))
        await self.assert_clean()

    def secret_tree(self, depth: int) -> Any:
        c = self.canaries
        tree: Any = "end"
        for level in range(depth, 0, -1):
            name = KEYS[level % len(KEYS)]
            tree = {
                name: c.password(f"key {name} at {level}"),
                "text": f"see https://me:{c.password(f'URL at {level}')}@host/x?key={c.password('URL query')} and"
                f" {c.key(f'text at {level}')}, eyJhbGciOi.eyJ{c.core('jwt')}.{c.core('jwt')}",
                "arguments": json.dumps(
                    {name: c.password(f"embedded {name}"), "n": json.dumps({name: c.password("deep")})}
                ),
                "list": [tree, {name: [c.password(f"list under {name}")]}],
            }
        return tree

    async def test_bodies(self) -> None:
        """JSON at depth 1 to 20, forms, key blocks, error texts; plain and in every coding; sent and answered."""
        await self.start_watched()
        c = self.canaries
        codings = {
            "": lambda data: data,
            "gzip": gzip.compress,
            "br": brotli.compress,
            "zstd": zstandard.ZstdCompressor().compress,
        }
        for depth in (1, 2, 5, 20, 20):
            for name, encode in codings.items():
                fields = [JSON] + ([("Content-Encoding", name)] if name else [])
                request = {"model": "m", "messages": [{"role": "user", "content": [self.secret_tree(depth)]}]}
                reply = {"content": [{"type": "tool_use", "input": self.secret_tree(depth)}]}
                await self.exchange(
                    post("/v1/messages", encode(json.dumps(request).encode()), *fields),
                    answer(encode(json.dumps(reply).encode()), *fields),
                )
        deep = b'{"a":' * 700 + json.dumps({"password": c.password("depth 700")}).encode() + b"}" * 700
        await self.exchange(post("/v1/x", deep, JSON), answer(deep, JSON))
        deep = b'{"a":' * 2000 + json.dumps({"password": c.password("depth 2000")}).encode() + b"}" * 2000
        await self.exchange(post("/v1/messages", deep, JSON), answer(deep, JSON))
        form = f"grant_type=x&client_secret={c.password('form')}&code={c.password('code')}&n=%73{c.key('form text')}"
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        await self.exchange(post("/oauth/token", form.encode(), kind), answer(form.encode(), kind))
        block = f"-----BEGIN PRIVATE KEY-----\n{c.core('key block') * 3}\n-----END PRIVATE KEY-----\n"
        binary = b"\xff\x00\xfe" + c.key("binary").encode() + b"\xff"
        await self.exchange(
            post("/v1/x", block.encode()), answer(binary, ("Content-Type", "application/octet-stream"))
        )
        known = c.password("echoed key")
        error = {"type": "error", "error": {"type": c.key("kind"), "message": f"invalid x-api-key {known}"}}
        await self.exchange(
            post("/v1/messages", b"{}", ("x-api-key", known)),
            answer(json.dumps(error).encode(), JSON, status="401 Unauthorized"),
        )
        user = json.dumps({"session_id": c.key("session"), "account_uuid": c.key("account")})
        body = {"model": c.key("model"), "metadata": {"user_id": user}, "tools": [{"name": c.key("tool")}],
                "system": f"Primary working directory: /home/{c.key('cwd')}/x"}  # fmt: skip
        reply = {"model": c.key("model"), "stop_reason": c.key("stop"), "usage": {"x": c.key("usage")},
                 "content": [{"type": "tool_use", "name": c.key("tool")}], "id": c.key("id")}  # fmt: skip
        agent = ("User-Agent", "claude-cli/2.1 (external, cli)")
        await self.exchange(
            post("/v1/messages", json.dumps(body).encode(), JSON, agent), answer(json.dumps(reply).encode(), JSON)
        )
        records = await self.assert_clean()
        self.assertEqual(
            [r["id"] for r in records if r["request"].get("body") is None and "body_base64" not in r["request"]], []
        )

    def stream_answer(self, data: bytes, *fields: tuple[str, str], cut: bool = False) -> bytes:
        body = chunks(*self.split(data))
        return head("HTTP/1.1 200 OK", [*fields, ("Transfer-Encoding", "chunked")]) + (body[:-5] if cut else body)

    async def test_streams(self) -> None:
        """Deltas of text and of tool arguments, in every dialect, in events and chunks that part the secrets."""
        await self.start_watched()
        c = self.canaries
        model = json.dumps({"model": "m", "stream": True, "messages": []}).encode()

        def argument(place: str) -> str:
            return json.dumps({"api_key": c.password(place), "x": {"env": f"TOKEN={c.key(place)}"}})

        for _ in range(3):
            told, asked = pieces(f"it is {c.key('delta')}."), pieces(argument("argument"))
            events = anthropic(told, asked, *END)
            await self.exchange(post("/v1/messages", model), self.stream_answer(sse(events), SSE))
            packed = gzip.compress(sse(anthropic(pieces(c.key("gzip delta")), pieces(argument("gzip")), *END)))
            coded = ("Content-Encoding", "gzip")
            await self.exchange(post("/v1/messages", model), self.stream_answer(packed, SSE, coded))
        error = {"type": "error", "error": {"type": "x", "message": f"bad key {c.key('error event')}"}}
        odd = [{"type": "new_delta", "index": 3, "text": each} for each in pieces(c.key("unknown event"))]
        await self.exchange(
            post("/v1/messages", model), self.stream_answer(sse(anthropic(["a"], [], *odd, error)), SSE)
        )
        told = [{"type": "response.output_text.delta", "output_index": 0, "item_id": "i", "delta": d}
                for d in pieces(c.key("responses"))]  # fmt: skip
        called = [{"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "j", "delta": d}
                  for d in pieces(argument("call"))]  # fmt: skip
        strange = [{"type": "response.zap.delta", "output_index": 2, "delta": d} for d in pieces(c.key("zap"))]
        await self.exchange(post("/v1/responses", model), self.stream_answer(sse([*told, *called, *strange]), SSE))
        chat = [
            {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": d}}]}
            for d in pieces(c.key("chat"))
        ]
        chat += [{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": d}}]}}]}
                 for d in pieces(argument("chat"))]  # fmt: skip
        await self.exchange(post("/v1/chat/completions", model), self.stream_answer(sse(chat), SSE))
        parts = [{"candidates": [{"content": {"parts": [{"text": d}]}}]} for d in pieces(c.key("gemini"))]
        path = "/v1beta/models/g:streamGenerateContent"
        await self.exchange(post(path, b"{}"), self.stream_answer(json.dumps(parts).encode(), JSON))
        await self.exchange(post(path + "?alt=sse", b"{}"), self.stream_answer(sse(parts), SSE))
        lines = [json.dumps({"message": {"content": d}, "done": False}) for d in pieces(c.key("ollama"))]
        kind = ("Content-Type", "application/x-ndjson")
        await self.exchange(post("/api/chat", model), self.stream_answer("\n".join(lines).encode(), kind))
        for events in (told, chat, parts):
            await self.exchange(post("/unknown", b"{}"), self.stream_answer(sse(events), SSE))
        await self.assert_clean()

    async def test_cut_streams(self) -> None:
        """A stream that ends in the middle of a secret, in the middle of an event, wherever that is."""
        await self.start_watched()
        c = self.canaries
        model = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
        for back in (1, 3, 5, 9, 13):
            for argument in (True, False):
                secret = c.password("cut argument") if argument else c.key("cut delta")
                told = [] if argument else pieces(secret)
                asked = pieces(json.dumps({"n": 1, "password": secret})[:-2]) if argument else None
                events = anthropic(told, asked or [])
                data = sse(events if argument else events[: 2 + len(told)])[:-back]
                await self.exchange(post("/v1/messages", model), self.stream_answer(data, SSE, cut=True), cut=True)
        lines = "\n".join(json.dumps({"message": {"content": d}}) for d in pieces(c.key("cut line")))[:-7].encode()
        kind = ("Content-Type", "application/x-ndjson")
        await self.exchange(post("/api/chat", model), self.stream_answer(lines, kind, cut=True), cut=True)
        records = await self.assert_clean()
        self.assertEqual({record["outcome"] for record in records}, {"upstream_truncated"})

    async def test_refused_requests(self) -> None:
        """What is refused is recorded without its secrets, too; nothing of it is in the log."""
        await self.start_watched(max_request_body=1000, forward=False, websocket=False)
        c = self.canaries
        secret = [("Authorization", f"Bearer b9{c.core('refused')}"), ("X-Api-Key", c.password("refused"))]
        local = ("Host", "localhost")
        for first, fields in (
            ("POST /v1/messages HTTP/1.1", [local, *secret, ("Content-Length", "5000")]),
            ("GET /x HTTP/1.1", [local, *secret, ("Content-Length", "1"), ("Transfer-Encoding", "chunked")]),
            ("GET /x HTTP/1.1", [local, *secret, ("Bad Name", "x")]),
            (f"GET /x?key={c.password('refused query')} HTTP/1.1", [local, local, *secret]),
            (f"GET /x?key={c.password('refused target')} y HTTP/1.1", [local, *secret]),
            (f"CONNECT me:{c.password('refused connect')}@host:443 HTTP/1.1", [local, *secret]),
            ("GET /x HTTP/1.1", [("Host", c.key("refused host")), *secret]),
            ("GET /x HTTP/1.1", [local, *secret, ("Origin", f"https://{c.key('origin')}.example")]),
            ("GET /v1/responses HTTP/1.1", [local, *secret, ("Connection", "upgrade"), ("Upgrade", "websocket")]),
            (f"GET /{c.key('long')}{'x' * 100_000} HTTP/1.1", [local, *secret]),
        ):
            await self.exchange(head(first, [*fields]))
        chunked = head("POST /x HTTP/1.1", [local, *secret, ("Transfer-Encoding", "chunked")])
        await self.exchange(chunked + b"xyz\r\n" + c.key("bad chunk").encode())
        await self.exchange(chunked + b"fff\r\n" + json.dumps({"password": c.password("413")}).encode() + b" " * 4095)
        await self.assert_clean()
