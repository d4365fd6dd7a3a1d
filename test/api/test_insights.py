"""The endpoints of what is made of records, over a store that holds a world whose truth is known."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from ccsproxy.api.queries import Queries
from ccsproxy.insight.cost.budget import parse_budget
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from test.api.scene import ApiCase
from test.insight.stored import copy_world
from test.insight.world import EPOCH_S, MAIN, SECOND, make_world


class InsightCase(ApiCase):
    """An API server over the world; its store is made once."""

    made: Any = None

    def setUp(self) -> None:
        if InsightCase.made is None:
            directory = Path(self.mktemp()).absolute()
            world = make_world()
            copy_world(directory)
            InsightCase.made = directory, world
        directory, self.world = InsightCase.made
        self.reader = Reader(directory)
        self.addCleanup(self.reader.close)
        budgets = (parse_budget("day=0.5"), parse_budget("month@cwd:/home/dev/blog=100"))
        insights = Insights(self.reader, clock=lambda: EPOCH_S + 20_000, budgets=lambda: budgets)
        self.serve(queries=Queries(self.reader), insights=insights)

    def refused(self, path: str, status: int) -> str:
        response = self.ask(path)
        self.assertEqual(response.code, status, response.body)
        return str(json.loads(response.body)["error"]["message"])


class EndpointTests(InsightCase):
    """Each endpoint once, and what it says of what is not there."""

    def test_conversation(self) -> None:
        got = self.get(f"/api/sessions/{MAIN}/conversation")
        self.assertEqual(
            [turn["prompt"] for turn in got["turns"]], [words for words, _ in self.world.truths[MAIN].turns]
        )
        self.assertEqual(got["aside"], self.world.truths[MAIN].aside)

    def test_of_a_call(self) -> None:
        seq = next(seq for kind, seq in self.world.truths[MAIN].marks if kind == "tools")
        call = f"/api/requests/{MAIN}/{seq}"
        context, cache, cost, why = (self.get(f"{call}/{each}") for each in ("context", "cache", "cost", "why"))
        self.assertEqual(sum(part["tokens"] for part in context["parts"]), context["total_tokens"])
        self.assertEqual(cache["place"], "tools[40]")
        self.assertAlmostEqual(
            cost["total"], sum(cost[kind] for kind in ("read", "write", "input", "output")), places=9
        )
        self.assertGreater(cost["write"] / cost["total"], 0.9)
        self.assertEqual(why["cost"], cost)

    def test_lists(self) -> None:
        self.assertEqual(self.get("/api/findings")[0]["kind"], "secret")
        self.assertEqual(self.get("/api/findings?since=2030-01-01"), [])
        self.assertEqual({each["kind"] for each in self.get("/api/leaks")}, {"stripe-key", "password"})
        self.assertEqual([row["calls"] for row in self.get("/api/stalls")["rows"]], [1])
        self.assertEqual(self.get("/api/stalls?since=2030-01-01")["stalls"], 0)
        self.assertIn("5h", [each["name"] for each in self.get("/api/limits")])
        prompts = self.get("/api/prompts")
        shown = self.get(f"/api/prompts/{prompts[0]['id']}")
        self.assertEqual(shown["id"], prompts[0]["id"])

    def test_diff_across_sessions(self) -> None:
        got = self.get(f"/api/diff?a={MAIN}/3&b={SECOND}/2")
        self.assertIs(got["same"], False)
        self.assertIn("system[1]", [each["place"] for each in got["changes"]])

    def test_budget(self) -> None:
        day, month = self.get("/api/budget")
        self.assertEqual((day["scope"], day["limit"], month["scope"]), ("day", 0.5, "month@cwd:/home/dev/blog"))
        self.assertEqual(day["state"], "over")
        self.assertIs(day["bound"], True)
        self.assertEqual(month["unpriced"], 0)
        by_hand = sum(
            row["cost"] for row in self.get("/api/costs?by=project")["rows"] if row["name"] == "/home/dev/blog"
        )
        self.assertAlmostEqual(month["spent"], by_hand, places=6)

    def test_costs(self) -> None:
        """Each way of summing up comes to the same, and says what it lacks."""
        for by in ("project", "model", "client", "day", "session"):
            got = self.get(f"/api/costs?by={by}")
            self.assertAlmostEqual(sum(row["cost"] or 0 for row in got["rows"]), got["total"]["cost"], places=6)
            self.assertEqual(sum(row["unpriced"] for row in got["rows"]), got["total"]["unpriced"])
        tools = self.get("/api/costs?by=tool")["rows"]
        self.assertIn("mcp__postgres__query", [row["name"] for row in tools[:5]])
        servers = self.get("/api/costs?by=server")["rows"]
        self.assertEqual({row["name"] for row in servers}, {"postgres", "github", "linear"})

    def test_query_language(self) -> None:
        got = self.get("/api/requests?q=model:opus+cost:>0.05+sort:-cost&totals=true")
        costs = [each["cost"] for each in got["requests"]]
        self.assertTrue(costs)
        self.assertEqual(costs, sorted(costs, reverse=True))
        self.assertTrue(all(cost > 0.05 for cost in costs))
        self.assertAlmostEqual(got["totals"]["cost"], sum(costs), places=6)
        self.assertEqual(got["reading"], ["model:opus", "cost:>0.05", "sort:-cost"])
        for text, count in (
            ("status:5xx", 2),
            ("status:429", 1),
            ("tool:linear", 1),
            ("-client:claude+errors:yes", 0),
        ):
            self.assertEqual(len(self.get(f"/api/requests?q={text}")["requests"]), count, text)
        self.assertEqual(len(self.get("/api/requests?q=webhook+client:claude&limit=1000")["requests"]) > 0, True)

    def test_not_understood(self) -> None:
        self.assertIn("did you mean model", self.refused("/api/requests?q=modle:opus", 400))
        self.assertIn("did you mean cost", self.refused("/api/costs?q=costs:>1", 400))

    def test_not_there(self) -> None:
        for path in (
            "/api/sessions/none/conversation", f"/api/requests/{MAIN}/999/cache", f"/api/requests/{MAIN}/1/context",
            "/api/prompts/system-00000000000000", f"/api/diff?a={MAIN}/999&b={MAIN}/1",
        ):  # fmt: skip
            self.refused(path, 404)
        for path in ("/api/diff?a=x&b=y", f"/api/diff?a={MAIN}/1", "/api/costs?by=moon"):
            self.refused(path, 400)

    def test_answers_fit_their_description(self) -> None:
        """Every answer about every call and session of the world fits the schema that is told for it."""
        described = self.get("/openapi.json")
        for session in self.world.truths:
            for path in ("conversation", "findings", "weights"):
                self.fits(described, "/api/sessions/{sid}/" + path, f"/api/sessions/{session}/{path}")
        for record in self.world.records[::3]:
            if record["category"] == "model":
                for path in ("context", "cache", "cost", "why"):
                    place = f"/api/requests/{record['session_id']}/{record['seq']}/{path}"
                    self.fits(described, "/api/requests/{sid}/{seq}/" + path, place)
        for name in ("findings", "prompts", "leaks", "limits", "budget", "annotations", "costs"):
            self.fits(described, f"/api/{name}", f"/api/{name}")
        self.fits(described, "/api/diff", f"/api/diff?a={MAIN}/3&b={SECOND}/2")
        for prompt in self.get("/api/prompts"):
            self.fits(described, "/api/prompts/{id}", f"/api/prompts/{prompt['id']}")

    def fits(self, described: dict[str, Any], path: str, asked: str) -> None:
        schema = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": described["components"]}).validate(self.get(asked))

    def test_description(self) -> None:
        """Every endpoint is described, with a schema that its answer points to."""
        described = self.get("/openapi.json")
        for path in (
            "/api/sessions/{sid}/conversation",
            "/api/requests/{sid}/{seq}/cache",
            "/api/diff",
            "/api/budget",
        ):
            answer = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            self.assertIn(answer["$ref"].rpartition("/")[2], described["components"]["schemas"])
