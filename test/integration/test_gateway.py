"""A gateway for a team: who may call, whose key goes on, who called, and where no key may ever be."""

import http.client
import json
import signal
import ssl
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from ccsproxy.config.keys import digest_of
from test.integration.certificates import Certificate, dns, ip
from test.integration.harness import Peer, ProxiedTestCase, ScriptedUpstream, answering, at_port
from test.integration.messages import Message
from test.integration.program import ProgramTestCase
from test.integration.writing import JSON, answer, post

TEAM = "sk-ant-synthetic-" + "T" * 40
ANN, BOB = "ccsk-synthetic-ann-" + "A" * 30, "ccsk-synthetic-bob-" + "B" * 30
SECRET = "sk-ant-api03-" + "synTHetic0aB3dE6gH9jK2mN5pQ8" * 3
BODY = json.dumps({"model": "claude-opus-5-5", "max_tokens": 5, "messages": []}).encode()
OK = answer(b'{"id": "m"}', JSON)


def private(path: Path, text: str) -> Path:
    """Write a file that is ours alone."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def line_of(person: str, key: str) -> str:
    return f"{person} sha256:{digest_of(key.encode()).hex()}\n"


def everything_in(data_dir: Path) -> bytes:
    """Return all that a data dir holds."""
    return b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


class GatewayTests(ProxiedTestCase):
    """In one process."""

    async def gateway(self, script: Any = None, **settings: Any) -> ScriptedUpstream:
        folder = Path(self.mktemp())
        folder.mkdir()
        upstream = ScriptedUpstream(script or answering(OK))
        self.addCleanup(self.close_peers, upstream)
        port = self.listen(upstream)
        both = [at_port(port, "anthropic", provider="anthropic"), at_port(port, "openai", provider="openai")]
        self.clients = private(folder / "clients", line_of("ann", ANN) + line_of("bob", BOB))
        key = private(folder / "key", TEAM + "\n")
        keys = {"client_keys": self.clients, "upstream_key_files": (("anthropic", key), ("openai", key))}
        await self.start(*both, **{**keys, "compress": "none", **settings})
        return upstream

    async def test_known(self) -> None:
        """The team's key takes the place of the client's, all else is untouched, and the record says who called."""
        upstream = await self.gateway()
        fields = [("X-Api-Key", ANN), ("anthropic-version", "2023-06-01"), ("Content-Type", "application/json")]
        got = await self.ask(post("/v1/messages?beta=true", BODY, *fields))
        self.assertEqual((got.status, got.body), (200, b'{"id": "m"}'))
        await self.ask(post("/openai/v1/responses", BODY, ("Authorization", f"Bearer {BOB}")))
        first, second = upstream.requests
        self.assertEqual(first.line, b"POST /v1/messages?beta=true HTTP/1.1")
        wanted = [(b"x-api-key", TEAM.encode()), *[(name.encode(), value.encode()) for name, value in fields[1:]]]
        self.assertEqual(first.headers[1:], [*wanted, (b"Content-Length", b"%d" % len(BODY))])
        self.assertEqual(second.values(b"authorization"), [b"Bearer " + TEAM.encode()])
        records = await self.records(2)
        self.assertEqual([record["labels"]["user"] for record in records], ["ann", "bob"])
        for key in (TEAM, ANN, BOB):
            self.assertNotIn(key.encode(), everything_in(self.data_dir))

    async def test_unknown(self) -> None:
        """Who is not known gets 401 as the API would say it, and nothing reaches the upstream."""
        upstream = await self.gateway()
        for path, fields, at in (
            ("/v1/messages", [("x-api-key", TEAM)], ("error", "type")),
            ("/v1/messages", [], ("error", "type")),
            ("/openai/v1/responses", [("authorization", "Bearer nobody")], ("error", "code")),
        ):
            got = await self.ask(post(path, BODY, *fields))
            self.assertEqual(got.status, 401)
            said = json.loads(got.body)
            wanted = {"type": "authentication_error", "code": "invalid_api_key"}[at[1]]
            self.assertEqual(said[at[0]][at[1]], wanted)
        self.assertEqual(upstream.raw, [])
        records = await self.records(3)
        self.assertEqual(
            {(record["outcome"], record["error"]["kind"]) for record in records}, {("refused", "unknown_client")}
        )
        self.assertNotIn(TEAM.encode(), everything_in(self.data_dir))

    async def test_an_upstream_that_repeats_the_key(self) -> None:
        """A key that comes back in an answer reaches the client, as all does, and no record."""

        def repeat(peer: Peer, request: Message) -> None:
            peer.send(answer(json.dumps({"error": "bad key " + TEAM}).encode(), JSON, status="401 Unauthorized"))

        await self.gateway(repeat)
        got = await self.ask(post("/v1/messages", BODY, ("x-api-key", ANN)))
        self.assertIn(TEAM.encode(), got.body)
        await self.records(1)
        self.assertNotIn(TEAM.encode(), everything_in(self.data_dir))

    async def test_labels_of_calls(self) -> None:
        """Who calls may be said by a header, or by a hash of the key; a secret in the header is none."""
        settings = {"client_keys": None, "labels": (("user", "@header:X-User"), ("who", "@key"), ("team", "shop"))}
        upstream = await self.gateway(**settings)
        trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        await self.ask(post("/v1/messages", BODY, ("x-user", "ann"), ("x-api-key", ANN), trace))
        await self.ask(post("/v1/messages", BODY, ("x-api-key", ANN)))
        await self.ask(post("/v1/messages", BODY, ("X-User", SECRET)))
        records = await self.records(3)
        self.assertEqual(records[0]["request"]["headers"]["traceparent"], trace[1])
        self.assertEqual(upstream.requests[0].values(b"traceparent"), [trace[1].encode()])
        first, second, third = [record["labels"] for record in records]
        self.assertEqual((first["user"], first["team"]), ("ann", "shop"))
        self.assertEqual(first["who"], f"key-{digest_of(ANN.encode()).hex()[:12]}")
        self.assertEqual((second.get("user"), second["who"]), (None, first["who"]))
        self.assertNotIn(SECRET[-20:], third["user"])
        self.assertEqual(upstream.requests[0].values(b"x-user"), [b"ann"])


class TlsTests(ProxiedTestCase):
    """A listener with TLS of its own."""

    async def test_tls(self) -> None:
        """Requests pass as without it, one after the other on a connection; capture sees them the same."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        root = Certificate("root", authority=True)
        server = Certificate("gateway", issuer=root, names=[*dns("localhost"), *ip("127.0.0.1")])
        pem = private(folder / "tls.pem", (server.key_pem + server.pem).decode())
        said = [{"type": "text", "text": "x" * 300_000}]
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": said}
        body = json.dumps({**message, "stop_reason": "end_turn", "usage": {}}).encode()
        upstream = ScriptedUpstream(answering(answer(body, JSON)))
        self.addCleanup(self.close_peers, upstream)
        endpoint = f"ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}"
        await self.start(self.listen(upstream), listen=(endpoint,))
        self.assertTrue(self.running.proxy_urls[0].startswith("https://"), self.running.proxy_urls)
        got = await deferToThread(ask_twice, self.proxy_port, root.pem.decode())
        self.assertEqual(got, [body, body])
        records = await self.records(2)
        self.assertEqual([record["outcome"] for record in records], ["complete", "complete"])


def ask_twice(port: int, authority: str) -> list[bytes]:
    connection = http.client.HTTPSConnection(
        "localhost", port, timeout=20, context=ssl.create_default_context(cadata=authority)
    )
    found = []
    for _ in range(2):
        connection.request("POST", "/v1/messages", BODY)
        found.append(connection.getresponse().read())
    connection.close()
    return found


class GatewayProgramTests(ProgramTestCase):
    """As people start it."""

    async def test_reload_and_processes(self) -> None:
        """SIGHUP reads both files again; a file with a mistake changes nothing; no process shows a key."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        upstream = ScriptedUpstream(answering(OK))
        self.addCleanup(self.close_peers, upstream)
        port = self.listen(upstream)
        clients, key = private(folder / "clients", line_of("ann", ANN)), private(folder / "key", TEAM)
        options = ("--client-keys", str(clients), "--upstream-key-file", f"anthropic={key}", "--workers", "2")
        ports = ("--proxy-port", "0", "--no-api")
        service = await self.launch("twistd", "--upstream", f"anthropic=http://127.0.0.1:{port}", *ports, *options)
        self.assertEqual((await self.status(ANN), await self.status(BOB)), (200, 401))
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and is_below(int(process.name), service.pid):
                shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                self.assertNotIn(TEAM.encode(), shown)
        clients.write_text(line_of("bob", BOB))
        key.write_text(TEAM + "2")
        service.signal(signal.SIGHUP)
        await self.known(BOB)
        self.assertEqual(upstream.requests[-1].values(b"authorization"), [f"Bearer {TEAM}2".encode()])
        clients.write_text("bob in-the-clear\n")
        service.signal(signal.SIGHUP)
        await self.until(lambda: "previous ones stay in use" in service.said, "the complaint")
        self.assertEqual((await self.status(ANN), await self.status(BOB)), (401, 200))
        self.assertNotIn("in-the-clear", service.said)
        self.assertNotIn(TEAM, service.said)

    async def known(self, key: str) -> None:
        """Wait until every worker knows a key."""
        for _ in range(400):
            if [await self.status(key) for _ in range(8)] == [200] * 8:
                return
        self.fail("the key is not known")

    async def status(self, key: str) -> int:
        return (await self.ask(post("/v1/messages", BODY, ("x-api-key", key)))).status


def is_below(pid: int, ancestor: int) -> bool:
    """Tell whether a process is another one or a descendant of it."""
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False
