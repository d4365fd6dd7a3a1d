"""The endpoints, with the response shapes of version 1."""

import json

from twisted.internet.defer import fail
from twisted.web.resource import Resource

from ccsproxy.api.answer import Refused
from ccsproxy.insight.metrics.tallies import Sample
from test.api.fake_queries import META, SID, FakeQueries
from test.api.scene import ApiCase
from test.exports.records import make_record

V1_META = (
    "session_id provider upstream proxy_port api_port started_at ended_at request_count schema_version cwd models"
)
V1_SUMMARY = "seq session_id request_id started_at duration_ms model status input_tokens output_tokens has_error"
V1_HEALTH = "status provider upstream session_id started_at request_count store"
V1_RECORD = (
    "seq session_id request_id started_at ended_at duration_ms ttft_ms request response usage model error partial"
)


class VersionOneTests(ApiCase):
    """A program written for version 1 finds what it looks for where it looks."""

    def setUp(self) -> None:
        self.serve()

    def test_health(self) -> None:
        """Health has every member of version 1 and the new ones, unknown ones as null."""
        health = self.get("/api/health")
        self.assertLessEqual(set(V1_HEALTH.split()), set(health))
        new = "pid version uptime_s upstreams in_flight accepted stored dropped queue_bytes redact"
        self.assertLessEqual(set(new.split()), set(health))
        self.assertIsNone(health["request_count"])

    def test_sessions_are_a_bare_array(self) -> None:
        """The list of sessions is an array of descriptions."""
        sessions = self.get("/api/sessions")
        self.assertEqual(sessions, [META])
        self.assertLessEqual(set(V1_META.split()), set(sessions[0]))

    def test_session(self) -> None:
        """A session is its description and the summaries of its requests."""
        session = self.get(f"/api/sessions/{SID}")
        self.assertEqual(set(session), {"meta", "requests"})
        self.assertLessEqual(set(V1_SUMMARY.split()), set(session["requests"][0]))

    def test_record(self) -> None:
        """A record is the whole record."""
        record = self.get(f"/api/requests/{SID}/1")
        self.assertEqual(record, json.loads(json.dumps(make_record(seq=1))))
        self.assertLessEqual(set(V1_RECORD.split()), set(record))

    def test_padded_seq_is_no_seq(self) -> None:
        """A number is written in one way only."""
        self.assertEqual(self.ask(f"/api/requests/{SID}/0001").code, 404)


class EndpointTests(ApiCase):
    """What is new."""

    def setUp(self) -> None:
        self.queries = FakeQueries()
        self.serve(queries=self.queries)

    def test_filters_reach_the_queries(self) -> None:
        """Filters are checked and handed on in one form."""
        self.get(
            "/api/requests?q=a+b&status=200,404&since=2026-01-02T05:04:05%2B02:00&tool=&model=x&model=y&unknown=1"
        )
        wanted = {"q": "a b", "status": "200,404", "since": "2026-01-02T03:04:05.000Z", "model": "x,y"}
        self.assertEqual(self.queries.asked, [wanted])

    def test_dates_are_times(self) -> None:
        """A date is its first moment."""
        self.get("/api/stats?since=2026-01-02")
        self.assertEqual(self.queries.asked, [{"since": "2026-01-02T00:00:00.000Z"}])

    def test_filters_that_cannot_be_meant(self) -> None:
        """Each mistake is a 400 that names the parameter."""
        for query in (
            "limit=0x1",
            "limit=1001",
            "limit=-1",
            "since=2026-02-30",
            "status=ok",
            "limit=1&limit=2",
            "q=%00",
        ):
            response = self.ask(f"/api/requests?{query}")
            self.assertEqual(response.code, 400, query)
            self.assertIn(query.split("=")[0], json.loads(response.body)["error"]["message"])
        for query in ("q=%ff", "q=%zz", "&".join(f"q{n}=" for n in range(99))):
            self.assertEqual(self.ask(f"/api/requests?{query}").code, 400, query)

    def test_nothing_there(self) -> None:
        """What does not exist is a 404 as JSON, whatever the id looks like."""
        odd = [
            "..%2f..%2fetc%2fpasswd",
            "%00",
            "%c0%ae",
            "a" * 200,
            ".",
            "%2e%2e",
            "x%0ay",
            "%F0%9F%98%80",
            "a/b/c/d",
        ]
        for sid in ["missing", *odd]:
            for path in (f"/api/sessions/{sid}", f"/api/requests/{sid}/1", f"/api/export/{sid}"):
                response = self.ask(path)
                self.assertEqual(response.code, 404, path)
                self.assertEqual(json.loads(response.body)["error"]["type"], "not_found")
        for path in (
            "/",
            "/api",
            "/api/",
            "/nothing",
            f"/api/requests/{SID}/9",
            f"/api/requests/{SID}/x",
            "/api/health/",
        ):
            self.assertEqual(self.ask(path).code, 404, path)

    def test_other_methods(self) -> None:
        """Nothing can be changed: other methods are refused and named."""
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"):
            response = self.ask("/api/health", method)
            self.assertEqual(response.code, 405)
            self.assertEqual(response.headers.getRawHeaders("allow"), ["GET, HEAD, OPTIONS"])
            self.assertEqual(json.loads(response.body)["error"]["type"], "method_not_allowed")

    def test_head_and_options(self) -> None:
        """HEAD is GET without its body; OPTIONS names the methods."""
        for path in ("/api/health", f"/api/requests/{SID}/1", "/api/stream", f"/api/export/{SID}?format=har"):
            response = self.ask(path, "HEAD")
            self.assertEqual((response.code, response.body), (200, b""), path)
        full = self.ask(f"/api/requests/{SID}/1")
        head = self.ask(f"/api/requests/{SID}/1", "HEAD")
        self.assertEqual(head.headers.getRawHeaders("content-length"), [str(len(full.body))])
        response = self.ask("/api/sessions", "OPTIONS")
        self.assertEqual((response.code, response.body), (204, b""))
        self.assertEqual(response.headers.getRawHeaders("allow"), ["GET, HEAD, OPTIONS"])

    def test_exports(self) -> None:
        """Each format of an exchange and of a session is there, as a file."""
        for name in ("raw", "md", "json", "har", "curl", "html"):
            response = self.ask(f"/api/export/{SID}/1?format={name}")
            self.assertEqual(response.code, 200, name)
            self.assertIn("attachment", response.headers.getRawHeaders("content-disposition")[0])
        for name in ("md", "jsonl", "har", "html"):
            self.assertEqual(self.ask(f"/api/export/{SID}?format={name}").code, 200, name)
        archive = self.get(f"/api/export/{SID}?format=har")
        self.assertEqual(len(archive["log"]["entries"]), 2)
        self.assertEqual(self.ask(f"/api/export/{SID}/1?format=exe").code, 400)
        self.assertEqual(self.ask(f"/api/export/{SID}?format=curl").code, 400)

    def test_exported_pages_may_do_nothing(self) -> None:
        """A page made of captured content is sandboxed even on our own origin."""
        policy = self.ask(f"/api/export/{SID}/1?format=html").headers.getRawHeaders("content-security-policy")
        self.assertIn("sandbox", policy[0])
        self.assertNotIn("script-src", policy[0])

    def test_metrics(self) -> None:
        """Metrics say what health says, and leave out what is not known."""
        self.server.health.update({"accepted": 5, "dropped": {"disk": 2}, "store": "degraded"})
        text = self.ask("/metrics").body.decode()
        self.assertIn("ccsproxy_accepted_total 5.0", text)
        self.assertIn('ccsproxy_dropped_total{reason="disk"} 2.0', text)
        self.assertIn("ccsproxy_store_ok 0.0", text)
        self.assertNotIn("ccsproxy_stored_total", text)
        self.assertNotIn("python_", text)

    def test_metrics_of_calls(self) -> None:
        """Counters and histograms with their labels, buckets cumulative; the store's own word beside them."""
        self.server.tallies.replace(
            [
                Sample("ccsproxy_tokens", ("anthropic", 'm"1', "input"), 7.0),
                Sample("ccsproxy_relay_overhead_seconds", ("anthropic",), 1.5, {0: 2, 3: 1, 10: 4}),
            ]
        )
        self.server.health.update({"store_detail": {"queued": 3, "index": {"state": "rebuilding"}}})
        text = self.ask("/metrics").body.decode()
        for line in (
            r'ccsproxy_tokens_total{kind="input",model="m\"1",upstream="anthropic"} 7.0',
            'ccsproxy_relay_overhead_seconds_bucket{le="0.0001",upstream="anthropic"} 2.0',
            'ccsproxy_relay_overhead_seconds_bucket{le="0.001",upstream="anthropic"} 3.0',
            'ccsproxy_relay_overhead_seconds_bucket{le="+Inf",upstream="anthropic"} 7.0',
            'ccsproxy_relay_overhead_seconds_count{upstream="anthropic"} 7.0',
            'ccsproxy_relay_overhead_seconds_sum{upstream="anthropic"} 1.5',
            "ccsproxy_store_queued 3.0",
            "ccsproxy_index_ok 0.0",
        ):
            self.assertIn(line, text)

    def test_snapshot_and_its_age(self) -> None:
        """Health is the latest snapshot, says how old it is, and asks nobody."""
        self.server.health.update({"accepted": 5, "store": "ok"})
        self.clock.advance(2.5)
        health = self.get("/api/health")
        self.assertEqual((health["accepted"], health["snapshot_age_s"], health["uptime_s"]), (5, 2.5, 2.5))

    def test_description_is_of_every_endpoint(self) -> None:
        """The OpenAPI document describes itself and all the rest."""
        document = self.get("/openapi.json")
        for path in ("/api/health", "/api/export/{sid}/{seq}", "/metrics", "/openapi.json", "/api/stream"):
            self.assertIn("get", document["paths"][path])
        identifiers = [each["get"]["operationId"] for each in document["paths"].values()]
        self.assertEqual(len(identifiers), len(set(identifiers)))

    def test_fault_of_ours(self) -> None:
        """What we did not foresee is a 500 without details, and logged."""
        self.queries.stats = lambda given: 1 / 0  # type: ignore[assignment,method-assign]
        response = self.ask("/api/stats")
        self.assertEqual((response.code, json.loads(response.body)["error"]["type"]), (500, "internal_error"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class BusyTests(ApiCase):
    """Too many readers."""

    def test_refused_at_once(self) -> None:
        """Who would wait too long is told to come back."""

        class Busy:
            def run(self, *arguments: object) -> object:
                return fail(Refused(503, "busy", "Too many.", {"Retry-After": "1"}))

        self.serve(reading=Busy())
        response = self.ask("/api/sessions")
        self.assertEqual((response.code, response.headers.getRawHeaders("retry-after")), (503, ["1"]))


class PagesTests(ApiCase):
    """The mount point."""

    def test_pages_get_what_is_not_the_apis(self) -> None:
        """Everything but the API's paths goes to the pages, which see the whole path."""

        class Page(Resource):
            isLeaf = True

            def render_GET(self, request: object) -> bytes:
                return repr(request.postpath).encode()  # type: ignore[attr-defined]

        root = Resource()
        root.putChild(b"session", Page())
        root.putChild(b"", Page())
        self.serve(pages=root)
        self.assertEqual(self.ask("/session/1").body, b"[b'1']")
        self.assertEqual(self.ask("/").code, 200)
        self.assertEqual(self.ask("/", "POST").code, 405)
        self.assertEqual(self.ask("/api/health").headers.getRawHeaders("content-type"), ["application/json"])
        self.assertIn("script-src 'self'", self.ask("/").headers.getRawHeaders("content-security-policy")[0])
