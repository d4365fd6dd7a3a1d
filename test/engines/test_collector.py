"""A whole ccsproxy that ships to a real OpenTelemetry collector, whose file is read back."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from test.engines.engine import engine
from test.engines.shipping import ASKED, PARENT, SESSION, TRACE, ShippingCase, said
from test.integration.program import Program
from test.ship.otlp.conventions import ATTRIBUTES, METRICS

CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters:
  file/spans: {{path: "{spans}", append: true, flush_interval: 100ms}}
  file/metrics: {{path: "{metrics}", append: true, flush_interval: 100ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/spans]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
"""


class CollectorTests(ShippingCase):
    """One session of a turn with a tool, and a call with a trace of its own."""

    async def ship_to_files(self, *options: str) -> tuple[Program, Path]:
        """Start a ccsproxy, and write down how a collector for it is started."""
        program = engine("otelcol")
        service = await self.ship(*options)
        config = self.folder_of / "otel.yaml"
        paths = {name: str(self.folder_of / f"{name}.json") for name in ("spans", "metrics")}
        config.write_text(CONFIG.format(port=self.port, **paths))
        self.command = [program, f"--config=file:{config}"]
        return service, self.folder_of / "spans.json"

    async def collector(self) -> Program:
        """Start the collector, or start it again."""
        return await self.serving(self.command, f"http://127.0.0.1:{self.port}/v1/traces", 405)

    def spans(self, path: Path) -> list[dict[str, Any]]:
        found = []
        for written in documents(path):
            for resource in written["resourceSpans"]:
                about = values(resource["resource"]["attributes"])
                for scope in resource["scopeSpans"]:
                    found += [{**span, "resource": about} for span in scope["spans"]]
        return found

    async def test_session(self) -> None:
        """Every span arrives, with its parent, its names and its numbers."""
        _, path = await self.ship_to_files()
        await self.collector()
        await self.a_turn()
        other = said(ASKED).replace(SESSION.encode(), SESSION[:-1].encode() + b"2")
        await self.call(other, ("traceparent", f"00-{TRACE}-{PARENT}-01"))
        await self.until(lambda: len(self.spans(path)) >= 6, "six spans")
        spans = self.spans(path)
        by_id = {span["spanId"]: span for span in spans}
        own = [span for span in spans if span["traceId"] != TRACE]
        self.assertEqual(len(own), 5)
        for span in own:
            above = by_id.get(span.get("parentSpanId", ""))
            wanted = {"session": None, "invoke_agent": "session"}.get(span["name"].split()[0], "invoke_agent")
            self.assertEqual(above["name"].split()[0] if above else None, wanted, span["name"])
            self.assertEqual(span["resource"]["service.name"], "claude-code")
        (foreign,) = [span for span in spans if span["traceId"] == TRACE]
        self.assertEqual(foreign["parentSpanId"], PARENT)
        call = values(next(span for span in own if span["name"].startswith("chat"))["attributes"])
        self.assertEqual(call["gen_ai.usage.input_tokens"], 100)
        self.assertEqual(call["session.id"], SESSION)
        self.assertEqual((call["user.id"], call["ccsproxy.label.team"]), ("ann", "shop"))
        tool = values(next(span for span in own if span["name"].startswith("execute_tool"))["attributes"])
        self.assertEqual(tool["gen_ai.tool.call.result"], "all 12 passed")
        for span in spans:
            for name in values(span["attributes"]):
                self.assertTrue(name in ATTRIBUTES or name.startswith("ccsproxy."), name)

    async def test_down_and_up(self) -> None:
        """What was recorded while the collector was down, killed and up again is there once it is up."""
        service, path = await self.ship_to_files("--ship-content", "metadata")
        await self.a_turn()
        first = await self.collector()
        await self.until(lambda: self.calls(path) == {1, 2}, "two calls")
        first.signal(9)
        await first.ended()
        await self.a_turn()
        await self.a_turn()
        await self.collector()
        await self.until(lambda: self.calls(path) == {1, 2, 3, 4, 5, 6}, "all calls")
        again = Counter(span["spanId"] for span in self.spans(path))
        self.assertLessEqual(max(again.values()), 2)
        self.assertNotIn("please run the tests", path.read_text())
        self.assertNotIn("12 passed", path.read_text())
        service.signal(15)
        self.assertEqual(await service.ended(), 0, service.said)
        metrics = self.folder_of / "metrics.json"
        await self.until(lambda: metrics.exists() and metrics.stat().st_size, "metrics")
        found = set(re.findall(r'"name":"(gen_ai[^"]*)"', metrics.read_text()))
        self.assertLessEqual(found, METRICS.keys())
        self.assertIn("gen_ai.client.inference.duration", found)

    def calls(self, path: Path) -> set[int]:
        found = [values(span["attributes"]).get("ccsproxy.record.seq") for span in self.spans(path)]
        return {int(seq) for seq in found if seq is not None}


def documents(path: Path) -> list[Any]:
    """Read what a collector has written so far; one that was killed leaves no line end."""
    text = path.read_text() if path.exists() else ""
    found, at, decoder = [], 0, json.JSONDecoder()
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def values(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Read attributes out of OTLP's JSON."""
    found: dict[str, Any] = {}
    for each in pairs:
        ((kind, value),) = each["value"].items()
        found[each["key"]] = int(value) if kind == "intValue" else value
    return found
