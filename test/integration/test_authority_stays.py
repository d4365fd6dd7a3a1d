"""The certificate authority of interception is in no export, no answer of the API, no page and no other file."""

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import OpenerDirector, ProxyHandler, build_opener

from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from ccsproxy.exports.formats import EXCHANGE, SESSION
from test.integration.certificates import DAY, NOW, Certificate, dns, ip
from test.integration.harness import OK, ScriptedUpstream, answering
from test.integration.test_forwarding import ForwardingCase
from test.integration.test_tls import ServerContext


class AuthorityStaysTests(ForwardingCase):
    """What an intercepted call leaves behind, looked through byte by byte."""

    async def test_nowhere_but_in_its_folder(self) -> None:
        """Neither the key, in any form, nor the certificate leaves ``ca/``."""
        await self.set_up(no_api=False, api_port=0)
        await deferToThread(self.ask_through)
        (record,) = await self.records(1)
        marks = list(_marks(self.data_dir / "ca"))
        self.assertGreater(len(marks), 6)
        for place, data in [*await deferToThread(self.answers, record), *self.files()]:
            for mark in marks:
                self.assertNotIn(mark, data, place)

    def answers(self, record: dict) -> list[tuple[str, bytes]]:
        """Return every export of the call and its session, lists and pages."""
        sid, api = record["session_id"], self.running.api_urls[0].rstrip("/")
        paths = [f"/api/export/{sid}/{record['seq']}?format={name}" for name in EXCHANGE]
        paths += [f"/api/export/{sid}?format={name}" for name in SESSION]
        paths += [
            "/",
            "/api/health",
            "/api/requests",
            f"/api/sessions/{sid}",
            f"/s/{sid}",
            "/openapi.json",
            "/metrics",
        ]
        opener = build_opener(ProxyHandler({}))
        token = (self.data_dir / "api-token").read_text().strip()
        opener.addheaders = [("Authorization", f"Bearer {token}")]
        return [(path, _read(opener, api + path)) for path in paths]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield all files of the data dir but those of the authority itself."""
        for path in self.data_dir.rglob("*"):
            if path.is_file() and path.parent.name != "ca":
                yield str(path), path.read_bytes()


def _read(opener: OpenerDirector, url: str) -> bytes:
    """Read a page; the index may not have the record yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return opener.open(url, timeout=20).read()
        except HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise AssertionError(f"{url}: {error}") from error
            time.sleep(0.05)


def _marks(folder: Path) -> Iterator[bytes]:
    """Yield what gives the authority away: each line of its PEM texts, and the bytes that these stand for."""
    for name in ("ca.key", "ca.pem"):
        body = re.sub(r"-----[^-]+-----", "", (folder / name).read_text())
        yield from (line.encode() for line in body.split() if len(line) > 20)
        yield base64.b64decode("".join(body.split()))[-40:]


class EveryBadCertificateTests(ForwardingCase):
    """What would be refused by the agent itself is refused towards it: an alert in place of its handshake."""

    async def test_refused(self) -> None:
        """Names, times, issuers and usage, each wrong in its way; no request reaches such an upstream."""
        await self.set_up(intercept=("localhost",))
        other = Certificate("root", authority=True)
        middle = Certificate("middle", self.root, authority=True)
        expired = {"begins": NOW - 3 * DAY, "ends": NOW - DAY}
        right = {"names": dns("localhost")}
        cases = {
            "another name": Certificate("localhost", self.root, names=dns("other.example")),
            "names that are like it": Certificate("x", self.root, names=dns("xlocalhost", "localhost.evil.test")),
            "an address": Certificate("localhost", self.root, names=ip("127.0.0.1")),
            "no name but the common name": Certificate("localhost", self.root),
            "names that cannot be read": Certificate("localhost", self.root, raw_names=b"\x30\x05\xff"),
            "expired": Certificate("localhost", self.root, **right, **expired),
            "not yet valid": Certificate("localhost", self.root, **right, begins=NOW + DAY, ends=NOW + 2 * DAY),
            "self-signed": Certificate("localhost", **right),
            "unknown authority of the same name": Certificate("localhost", other, **right),
            "a missing intermediate": Certificate("localhost", middle, **right),
            "meant for clients": Certificate("localhost", self.root, **right, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        }
        for number, (name, bad) in enumerate(cases.items(), 1):
            factory = ScriptedUpstream(answering(OK))
            port = reactor.listenSSL(0, factory, ServerContext(bad.write(self.directory)), interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            self.port = port.getHost().port
            with self.subTest(name):
                await self.refused("tls_handshake_failed", number)
                self.assertEqual(factory.requests, [])
