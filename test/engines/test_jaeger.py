"""Traces as Jaeger's API shows them: each call once, below its turn, in the trace of its session."""

import json
from typing import Any
from urllib.parse import urlencode

from test.engines.engine import engine, free_port
from test.engines.shipping import SESSION, ShippingCase

CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: {{traces: {{receivers: [otlp], processors: [], exporters: [jaeger_storage_exporter]}}}}
  telemetry: {{metrics: {{level: none}}}}
extensions:
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{grpc}"}}
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 1000}}}}}}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
"""


class JaegerTests(ShippingCase):
    """One session of a turn with a tool."""

    async def test_parents(self) -> None:
        """The trace is found by its session, and every span has the parent that it should."""
        program, query, grpc = engine("jaeger"), free_port(), free_port()
        await self.ship()
        config = self.folder_of / "jaeger.yaml"
        config.write_text(CONFIG.format(port=self.port, query=query, grpc=grpc))
        await self.serving([program, f"--config={config}"], f"http://127.0.0.1:{query}/api/services")
        await self.a_turn()
        found: list[Any] = []
        for _ in range(200):
            found = await self.traces(query)
            if found and len(found[0]["spans"]) == 5:
                break
            await self.pause(0.2)
        (trace,) = found
        names = {span["spanID"]: span["operationName"] for span in trace["spans"]}
        above = {
            span["operationName"]: names.get(span["references"][0]["spanID"]) if span["references"] else None
            for span in trace["spans"]
        }
        self.assertEqual(
            above,
            {
                "session claude-code": None,
                "invoke_agent claude-code": "session claude-code",
                "chat claude-opus-5-5": "invoke_agent claude-code",
                "execute_tool run": "invoke_agent claude-code",
            },
        )
        self.assertEqual(len(trace["spans"]), 5)

    async def traces(self, query: int) -> list[Any]:
        """Look for traces by the session's id."""
        asked = {"service": "claude-code", "tags": json.dumps({"session.id": SESSION}), "limit": 20, "lookback": "1h"}
        status, body = await self.fetch(f"http://127.0.0.1:{query}/api/traces?{urlencode(asked)}")
        return list(json.loads(body).get("data") or ()) if status == 200 else []
