"""``/metrics`` as Prometheus takes it, and the dashboard's questions as Prometheus answers them."""

import json
import re
import subprocess
import time
from typing import Any
from urllib.parse import quote

from test.engines.engine import EngineTestCase, engine, free_port
from test.integration.harness import Peer
from test.integration.messages import Message
from test.integration.program import ROOT, Program
from test.integration.writing import END, JSON, SSE, answer, anthropic, post, sse

DASHBOARD = ROOT / "packaging" / "grafana" / "ccsproxy.json"
RULES = ROOT / "packaging" / "prometheus" / "ccsproxy.rules.yaml"
RULES_TEST = ROOT / "test" / "engines" / "ccsproxy.rules.test.yaml"
#: What Grafana puts in for its variables.
VARIABLES = {"$__rate_interval": "30s", "$upstream": ".*", "$model": ".*"}
#: Questions that have no answer where all is well: no sample of them exists then.
EMPTY_IS_WELL = ("ccsproxy_dropped_total",)
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: ccsproxy
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PRICES = """
[[price]]
models = ["house-model"]
rates = { input = 3.0, output = 15.0, cache_read = 0.3, cache_write = 3.75 }
"""
ASKED = json.dumps({"model": "house-model", "max_tokens": 5, "messages": [], "stream": True}).encode()
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 7, "output_tokens": 1}


def play(peer: Peer, request: Message) -> None:
    """Answer a model call with a stream, but those for no tokens and what is no model call with errors."""
    said = json.loads(request.body or b"{}")
    asked = said.get("model", "")
    if not asked or not said["max_tokens"]:
        return peer.send(answer(b"{}", JSON, status="529 Overloaded" if asked else "404 Not Found"))
    events = anthropic(["hello"], ["{}"], *END)
    events[0]["message"].update(model=asked, usage=USAGE)
    return peer.send(answer(sse(events), SSE))


class PrometheusTests(EngineTestCase):
    """A whole ccsproxy, scraped each second."""

    async def test_dashboard(self) -> None:
        """Every question of the dashboard is understood, and answered with numbers; promtool finds no fault."""
        prometheus, promtool = engine("prometheus"), engine("promtool")
        service = await self.service()
        text = (await self.fetch(self.run_file["api"][0] + "/metrics"))[1]
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, b""))
        url = await self.scraping(prometheus)
        for round in range(3):
            await self.calls(8)
            await self.scraped(url, "sum(ccsproxy_exchanges_total)", 24 + 8 * round)
        await self.pause(2.1)
        for expression in questions():
            found = await self.query(url, expression)
            if not any(each in expression for each in EMPTY_IS_WELL):
                self.assertTrue(found, expression)
        self.assertIsNone(service.status)
        dollars = await self.query(url, 'sum(ccsproxy_cost_dollars_total{model="house-model"})')
        self.assertAlmostEqual(float(dollars[0]["value"][1]), 25 * (3 * 3 + 90 * 0.3 + 7 * 3.75 + 3 * 15) / 1e6, 9)
        exact = await self.query(url, 'sum by (kind) (ccsproxy_tokens_total{model="house-model"})')
        calls = 5 * 5
        self.assertEqual(
            {each["metric"]["kind"]: float(each["value"][1]) for each in exact},
            {"input": 3 * calls, "cache_read": 90 * calls, "cache_write": 7 * calls, "output": 3 * calls},
        )

    async def test_alerts(self) -> None:
        """Each rule is understood, rings where it should, and is silent where all is well."""
        promtool = engine("promtool")
        for arguments in (("check", "rules", str(RULES)), ("test", "rules", str(RULES_TEST))):
            checked = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    async def service(self) -> Program:
        """Start ccsproxy before an upstream; some calls come before the first scrape."""
        from test.integration.harness import ScriptedUpstream

        upstream = ScriptedUpstream(play)
        port = self.listen(upstream)
        self.addCleanup(self.close_peers, upstream)
        prices = self.folder() / "prices.toml"
        prices.write_text(PRICES)
        options = (
            "--proxy-port",
            "0",
            "--api-port",
            "0",
            "--api-users",
            "any",
            "--prices",
            str(prices),
            "--ship",
            f"file://{self.folder()}",
        )
        service = await self.launch("twistd", "--upstream", f"anthropic=http://127.0.0.1:{port}", *options)
        for _ in range(2):
            await self.calls(8)
        return service

    async def calls(self, count: int) -> None:
        """Call a model: one of no price, one in vain, the others with a price; and once something else."""
        for number in range(count):
            body = ASKED.replace(b"house-model", b"no-such-model") if number == 1 else ASKED
            body = body.replace(b'"max_tokens": 5', b'"max_tokens": 0') if number == 2 else body
            await self.ask(post("/v1/messages", body) if number else post("/v1/files", b"{}"))

    async def scraping(self, prometheus: str) -> str:
        """Start Prometheus on ccsproxy and wait for the first scrape."""
        folder, port = self.folder(), free_port()
        (folder / "prom.yml").write_text(CONFIG.format(port=self.run_file["api"][0].rpartition(":")[2]))
        url = f"http://127.0.0.1:{port}"
        options = [f"--config.file={folder / 'prom.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        await self.serving([prometheus, *options, f"--web.listen-address=127.0.0.1:{port}"], url + "/-/ready")
        await self.scraped(url, "sum(ccsproxy_exchanges_total)", 16)
        return url

    async def scraped(self, url: str, expression: str, least: float) -> None:
        """Wait until Prometheus has seen a value."""
        late = time.monotonic() + 60
        while True:
            found = await self.query(url, expression)
            if found and float(found[0]["value"][1]) >= least:
                return
            self.assertLess(time.monotonic(), late, f"{expression} is {found}")
            await self.pause(0.2)

    async def query(self, url: str, expression: str) -> list[dict[str, Any]]:
        """Ask Prometheus; what it does not understand fails the test."""
        status, body = await self.fetch(f"{url}/api/v1/query?query={quote(expression)}")
        self.assertEqual(status, 200, body)
        data = json.loads(body)["data"]
        return data["result"] if data["resultType"] == "vector" else [{"metric": {}, "value": data["result"]}]


def questions() -> list[str]:
    """Return the dashboard's queries with its variables filled in."""
    found = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            assert not re.search(r"\$", expression), expression
            found.append(expression)
    return found
