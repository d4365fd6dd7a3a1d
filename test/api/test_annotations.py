"""Stars, tags and notes over the API: what may be changed, by whom, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

from ccsproxy.api.guard import Guard
from ccsproxy.api.queries import Queries
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import LONGEST_NOTE, MOST_TAGS, write_annotation
from test.api.scene import PORT, ApiCase, SaidAtOnce
from test.insight.stored import store_world
from test.insight.world import MAIN, make_world
from test.made_once import made_once

JSON = {"Content-Type": "application/json"}


class AnnotationTests(ApiCase):
    """An API server over the world, with a state of its own."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        made = made_once("world-60", lambda path: store_world(path, make_world().records[:60]))
        shutil.copytree(made, self.data_dir)
        self.reader = Reader(self.data_dir)
        self.addCleanup(self.reader.close)
        self.begin()

    def begin(self, guard: Guard | None = None) -> None:
        self.serve(
            guard,
            queries=Queries(self.reader),
            insights=Insights(self.reader),
            annotate=lambda *given: write_annotation(self.data_dir, *given),
        )

    def put(self, place: str, said: Any, code: int = 200, **headers: str) -> Any:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        response = self.ask(f"/api/annotations/{place}", "PUT", data=SaidAtOnce(body), headers={**JSON, **headers})
        self.assertEqual(response.code, code, response.body)
        return json.loads(response.body)

    def test_what_is_written_is_read(self) -> None:
        """What is left out stays; tags are all that there are to be; calls and sessions have their own."""
        call = self.put(f"{MAIN}/3", {"starred": True, "tags": ["cache", "odd"], "note": "why?"})
        self.assertEqual(
            call, {"session_id": MAIN, "seq": 3, "starred": True, "tags": ["cache", "odd"], "note": "why?"}
        )
        self.assertEqual(self.put(f"{MAIN}/3", {"tags": ["odd"]}), {**call, "tags": ["odd"]})
        self.assertEqual(self.get(f"/api/annotations/{MAIN}/3"), {**call, "tags": ["odd"]})
        self.assertFalse(self.get(f"/api/annotations/{MAIN}")["starred"])
        self.put(MAIN, {"note": "the dear one"})
        self.assertEqual([each["seq"] for each in self.get("/api/annotations")], [None, 3])
        found = self.get("/api/requests?q=tag:odd")["requests"]
        self.assertEqual([(each["session_id"], each["seq"]) for each in found], [(MAIN, 3)])

    def test_what_cannot_be_written(self) -> None:
        """Bad values, unknown members and what is no JSON change nothing; what is not there is 404."""
        for said in (
            *(b"", b"{", b"[]", b"null", b"\xff", b'{"note": "\\ud800"}', {"tags": ["a b"]}, {"tags": ["x" * 65]}),
            *({"tags": [str(each) for each in range(MOST_TAGS + 1)]}, {"note": "x" * (LONGEST_NOTE + 1)}),
            *({"starred": "yes"}, {"starred": None}, {"colour": "red"}),
        ):
            self.put(f"{MAIN}/3", said, 400)
        self.put("nobody", {"starred": True}, 404)
        self.put(f"{MAIN}/9999", {"starred": True}, 404)
        self.assertEqual(self.get("/api/annotations"), [])

    def test_who_may_write(self) -> None:
        """A form of a web page cannot write, nor a page of another origin, nor whoever has no token."""
        self.put(MAIN, b'{"starred":true}', 415, **{"Content-Type": "text/plain"})
        self.put(MAIN, {"starred": True}, 403, Origin="https://evil.example")
        for method in ("POST", "DELETE", "PATCH"):
            response = self.ask(f"/api/annotations/{MAIN}", method)
            self.assertEqual(response.code, 405)
            self.assertIn("PUT", response.headers.getRawHeaders("allow")[0])
        self.assertEqual(self.ask(f"/api/sessions/{MAIN}", "PUT", data=SaidAtOnce(b"{}"), headers=JSON).code, 405)
        self.begin(Guard(frozenset({PORT}), cors_allow="https://friend.example", token="secret-token"))
        self.put(MAIN, {"starred": True}, 401)
        preflight = self.ask(
            f"/api/annotations/{MAIN}",
            "OPTIONS",
            headers={"Origin": "https://friend.example", "Access-Control-Request-Method": "PUT"},
        )
        self.assertNotIn("PUT", preflight.headers.getRawHeaders("access-control-allow-methods")[0])
