"""People log in to a hub by a real OpenID provider: dex, whose mock connector lets everybody in as one person."""

import http.client
import json
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit

from test.engines.engine import engine, free_port
from test.integration.test_hub import HubTestCase
from test.integration.test_hub_login import Browser

CONFIG = """
issuer: {issuer}
storage: {{type: memory}}
web: {{http: "127.0.0.1:{port}"}}
oauth2: {{skipApprovalScreen: true}}
expiry: {{signingKeys: 2s}}
staticClients:
- {{id: hub, name: hub, secret: synthetic-secret, redirectURIs: ["http://127.0.0.1:{hub}/oidc/callback"]}}
connectors:
- {{type: mockCallback, id: mock, name: mock}}
"""
#: Whom its mock connector lets in, and their group.
PERSON, GROUP = "kilgore@kilgore.trout", "authors"


class DexTests(HubTestCase):
    """One provider, one hub."""

    def setUp(self) -> None:
        program = engine("dex")
        super().setUp()
        self.port, self.hub_port = free_port(), free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/dex"
        config, self.secret, self.roles = (Path(self.mktemp()).absolute() for _ in range(3))
        config.write_text(CONFIG.format(issuer=self.issuer, port=self.port, hub=self.hub_port))
        self.secret.write_text("synthetic-secret\n")
        self.secret.chmod(0o600)
        self.roles.write_text(f'default = "none"\n[groups]\n{GROUP} = "all"\n')
        self.dex = subprocess.Popen(
            [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.addCleanup(self.dex.wait)
        self.addCleanup(self.dex.kill)
        self.ready()

    def ready(self) -> None:
        """Wait until it answers."""
        for _ in range(200):
            try:
                with urllib.request.urlopen(self.issuer + "/.well-known/openid-configuration", timeout=5):
                    return
            except URLError:
                time.sleep(0.1)
        raise AssertionError("dex does not answer")

    def consent(self, url: str) -> str:
        """Follow the provider's redirects; return the place at the hub to which they lead."""
        cookies: dict[str, str] = {}
        for _ in range(10):
            parts = urlsplit(url)
            if parts.port == self.hub_port:
                return f"{parts.path}?{parts.query}"
            connection = http.client.HTTPConnection(parts.netloc, timeout=30)
            sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
            connection.request("GET", f"{parts.path}?{parts.query}", headers={"Cookie": sent} if sent else {})
            answer = connection.getresponse()
            text = answer.read()
            for said in answer.headers.get_all("Set-Cookie", []):
                name, _, value = said.partition(";")[0].partition("=")
                cookies[name] = value
            connection.close()
            self.assertIn(answer.status, (302, 303), text[:1000])
            url = urljoin(url, answer.headers["Location"])
        raise AssertionError(url)

    def log_in(self, browser: Browser) -> tuple[int, str, str]:
        """Log in; return the hub's answer."""
        return browser.ask(self.consent(browser.ask(browser.ask("/")[1])[1]))

    def test_log_in(self) -> None:
        """Its token is accepted, also when its keys have been changed meanwhile; the group gives the role."""
        self.start("--api-port", str(self.hub_port), "--oidc-issuer", self.issuer, "--oidc-client-id", "hub",
                   "--oidc-secret-file", str(self.secret), "--oidc-scope", "groups",
                   "--roles", str(self.roles))  # fmt: skip
        browser = Browser(self.url)
        self.assertEqual(self.log_in(browser)[:2], (303, "/"))
        self.assertIn(PERSON, browser.ask("/oidc/logout")[2])
        status, _, text = browser.ask("/api/requests?limit=1000")
        self.assertEqual((status, len(json.loads(text)["requests"])), (200, len(self.made)))
        time.sleep(11)  # longer than its keys live, and than known keys are believed to be all
        self.assertEqual(self.log_in(Browser(self.url))[:2], (303, "/"))
        self.dex.kill()
        self.dex.wait()
        self.assertEqual(browser.ask("/api/requests")[0], 200)
