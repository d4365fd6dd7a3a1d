"""The API over a real store: what is answered is what the OpenAPI document says."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock

from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.openapi.schemas import SCHEMAS
from ccsproxy.api.process import make_api
from ccsproxy.api.queries import Queries
from test.api.scene import BASE, ReadingNow
from test.exports.har_schema import HAR
from test.store.index.test_index import StoreCase


class QueriesTests(StoreCase):
    """A store of forty exchanges."""

    def setUp(self) -> None:
        """Index the store and serve it."""
        super().setUp()
        self.records = self.segments.fill(40)
        self.feed()
        clock = Clock()
        health = Health(clock.seconds, {"version": "0"}, 0.0)
        queries = Queries(self.reader)
        server = make_api(clock, Guard(frozenset()), queries, ReadingNow(), health, "run", {})
        self.agent = RequestTraversalAgent(server.root)
        self.client = HTTPClient(self.agent)

    def ask(self, path: str, code: int = 200) -> bytes:
        waiting = self.client.get(BASE + path)
        self.agent.flush()
        response = self.successResultOf(waiting)
        body = self.successResultOf(response.content())
        self.assertEqual(response.code, code, body)
        return body

    def get(self, path: str, schema: str) -> Any:
        """Return an answer that fits its schema."""
        value = json.loads(self.ask(path))
        document = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}}
        Draft202012Validator(document).validate(value)
        return value

    def test_answers_fit_their_description(self) -> None:
        """Each answer fits its schema, and has what the store has."""
        self.get("/api/health", "Health")
        sessions = self.get("/api/sessions", "Sessions")
        self.assertEqual({each["session_id"] for each in sessions}, {each["session_id"] for each in self.records})
        sid = sessions[0]["session_id"]
        session = self.get(f"/api/sessions/{sid}", "Session")
        self.assertEqual(len(session["requests"]), sessions[0]["request_count"])
        self.get("/api/stats?since=2026-01-01", "Stats")
        self.get("/api/meta", "Meta")
        record = self.records[5]
        self.assertEqual(self.get(f"/api/requests/{record['session_id']}/{record['seq']}", "Record"), record)

    def test_pages(self) -> None:
        """The cursor leads through all requests, newest first, each once."""
        found: list[str] = []
        query = "limit=7"
        while query:
            page = self.get(f"/api/requests?{query}", "Page")
            found += [each["id"] for each in page["requests"]]
            query = f"limit=7&before={page['next']}" if page["next"] else ""
        self.assertEqual(found, [record["id"] for record in reversed(self.records)])

    def test_filters(self) -> None:
        """Filters arrive at the store."""
        for given in (
            "upstream=openai",
            "status=529",
            "outcome=complete&outcome=http_error",
            "client=codex",
            "q=ka*",
        ):
            self.get(f"/api/requests?{given}", "Page")
        found = self.get("/api/requests?upstream=openai&limit=1000", "Page")["requests"]
        self.assertEqual(len(found), sum(record["upstream"] == "openai" for record in self.records))
        self.get("/api/sessions?upstream=openai&since=2026-01-01&include_empty=true&offset=1&limit=2", "Sessions")

    def test_values_that_no_record_has(self) -> None:
        """An empty page names them; other pages do not."""
        self.assertEqual(self.get("/api/requests?upstream=anthropic", "Page")["unknown"], [])
        page = self.get("/api/requests?upstream=antropic&q=tool:bash", "Page")
        self.assertEqual(page["unknown"], ["no upstream 'antropic' was recorded; nearest: anthropic"])
        self.assertIn(b"dialect must be one of", self.ask("/api/requests?dialect=openay", 400))

    def test_any_time(self) -> None:
        """Times at which nothing can have been are questions too."""
        for when in ("0001-01-01", "1969-12-31T23:59:59Z", "2166-09-10", "9999-12-31T23:59:59-23:59"):
            for path in ("sessions?since", "stats?since", "requests?since", "requests?until"):
                self.ask(f"/api/{path}={when}")

    def test_session_as_archive(self) -> None:
        """A session is exported whole."""
        sid = self.records[0]["session_id"]
        archive = json.loads(self.ask(f"/api/export/{sid}?format=har"))
        Draft202012Validator(HAR).validate(archive)
        wanted = [record["seq"] for record in self.records if record["session_id"] == sid]
        self.assertEqual([each["_seq"] for each in archive["log"]["entries"]], wanted)

    def test_missing(self) -> None:
        """What never was is 404; what retention removed is 410, and left out of its session's export."""
        self.ask("/api/sessions/none", 404)
        self.ask("/api/requests/none/1", 404)
        self.ask("/api/export/none", 404)
        for path in self.segments.data_dir.glob("segments/*"):
            path.unlink()
        record = self.records[0]
        for path in ("requests", "export"):
            body = self.ask(f"/api/{path}/{record['session_id']}/{record['seq']}", 410)
            self.assertEqual(json.loads(body)["error"]["type"], "expired")
        self.assertEqual(self.ask(f"/api/export/{record['session_id']}?format=jsonl"), b"")
