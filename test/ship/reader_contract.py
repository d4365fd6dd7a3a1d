"""What every reader has to answer alike: the local one and those of engines, over the same generated records."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ccsproxy.exchange import codec
from ccsproxy.insight.query import LABELLED
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.query import QueryError, parse_query
from ccsproxy.store.reader.aggregates.costs import GROUPS
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.segments.segment import segment_name
from test.ship.segments import Segments
from test.store.corpus import Corpus

#: Is given each record with its number, and may change it.
Change = Callable[[int, dict[str, Any]], object]
#: How many records (the issue asks for 5,000).
COUNT = int(os.environ.get("CCSPROXY_READER_RECORDS", "300"))


def fill(segments: Segments, count: int = COUNT, change: Change | None = None) -> list[dict[str, Any]]:
    """Write records into some closed segments, and make the index."""
    from ccsproxy.providers.price_book import PriceBook

    made = [
        {**each, "labels": {"host": "h", "user": f"u{number % 3}"}}
        for number, each in enumerate(Corpus().records(count))
    ]
    for number, each in enumerate(made):
        if number % 7 == 3:
            each.update(outcome="http_error", error={"kind": "http_error", "message": "It said No."})
        if number % 11 == 5:
            each.update(ttft_ms=None, usage=None, duration_ms=0.0)
        if number % 13 == 2:
            secret = {
                "kind": f"kind-{number % 2}",
                "where": "messages[0].content",
                "tag": f"t{number % 4}",
                "count": 1,
            }
            each["capture"]["outbound_secrets"] = [secret]
        each["response"]["headers"].update(
            {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": f"{number % 50}",
             "anthropic-ratelimit-requests-reset": each["ended_at"],
             "anthropic-ratelimit-unified-7d-utilization": f"{number / 10_000}",
             "anthropic-ratelimit-unified-7d-reset": "1790500000"}
        )  # fmt: skip
        if change is not None:
            change(number, each)
    size = -(-count // 4)
    for number in range(4):
        name = segment_name(1_796_032_800.0 + number * 60, b"\0\0\0\1")
        segments.begin(name)
        segments.append(name, *map(codec.encode, made[number * size : (number + 1) * size]))
        segments.close(name)
    bring_up(segments.data_dir, PriceBook().cost)
    return made


class ReaderContract:
    """The questions. A case offers `local`, `engine` and `made`."""

    local: Reader
    engine: EngineReader
    made: list[dict[str, Any]]

    def alike(self, one: Any, other: Any, what: str) -> None:
        """See that two answers say the same; sums of fractions may differ in their last digits."""
        self.assertEqual(_rounded(one), _rounded(other), what)  # type: ignore[attr-defined]

    def test_lists(self) -> None:
        """Pages, filters, the language, sorts, further pages."""
        model, cwd = self.made[5]["model"], self.made[9]["client"]["cwd"]
        for given in (
            {},
            {"limit": "7"},
            {"model": model},
            {"model": f"{model},nothing", "outcome": "complete"},
            {"cwd": cwd, "status": "200"},
            {"tool": "Bash"},
            {"q": "tool:ba -outcome:complete"},
            {"q": "cost:>0.01 sort:-cost", "limit": "20"},
            {"q": "out:>=100 in:<100k sort:out", "limit": "20", "offset": "5"},
            {"q": "errors:yes error:no"},
            {"q": "status:2xx model:OPUS"},
            {"q": "sort:-duration", "limit": "10"},
            {"since": self.made[50]["started_at"], "until": self.made[150]["started_at"]},
            {"q": "starred:yes"},
            {"q": "cached:>10% sort:-cached", "limit": "5"},
        ):
            query = parse_query({"limit": "50", **given})
            mine, theirs = self.local.requests(query), self.engine.requests(query)
            self.alike(mine.items, theirs.items, f"items of {given}")
            self.alike(mine.before, theirs.before, f"cursor of {given}")
            self.alike(self.local.totals(query), self.engine.totals(query), f"totals of {given}")

    def test_interface(self) -> None:
        """Whatever pages and API ask of the local reader, they may ask of an engine's, but to follow what grows."""
        offered = {name for name in dir(self.local) if not name.startswith("_")}
        lacking = {name for name in offered if not hasattr(self.engine, name)}
        self.assertEqual(lacking, {"tail"})  # type: ignore[attr-defined]

    def test_every_page(self) -> None:
        """By their cursors, each call once."""
        for reader in (self.local, self.engine):
            seen, before = [], "0"
            while before:
                page = reader.requests(parse_query({"limit": "45", "before": before}))
                seen += [item["id"] for item in page.items]
                before = page.before or ""
            self.alike(sorted(seen), sorted(each["id"] for each in self.made), "every page")

    def test_search(self) -> None:
        """Words, phrases, beginnings of words; each call that said it first, with an excerpt."""
        words, found = words_of(self.made[len(self.made) // 2]), []
        for q in (
            words[0], f"{words[1]} {words[2]}", f'"{words[3]} {words[4]}"', f"{words[5][:3]}*", "nosuchword",
            f"{words[0]} model:{self.made[0]['model']}", words[0].upper(),
        ):  # fmt: skip
            query = parse_query({"q": q, "limit": "30"})
            mine, theirs = self.local.requests(query).items, self.engine.requests(query).items
            self.alike(mine, theirs, f"search for {q}")
            found.append(len(mine))
        self.assertGreater(sum(map(bool, found)), 4)  # type: ignore[attr-defined]

    def test_sessions(self) -> None:
        """Lists, filters, totals, one session with all its calls, what is around one."""
        for query in (
            SessionQuery(limit=20),
            SessionQuery(limit=5, offset=3),
            SessionQuery(model=(self.made[0]["model"],), limit=20),
            SessionQuery(cwd=(self.made[3]["client"]["cwd"],)),
            SessionQuery(sort="cost", limit=10),
            SessionQuery(sort="calls", descending=False, limit=10),
            SessionQuery(among=(self.made[0]["session_id"],)),
        ):
            self.alike(self.local.sessions(query), self.engine.sessions(query), f"{query}")
            self.alike(self.local.session_totals(query), self.engine.session_totals(query), f"totals of {query}")
        name = self.made[7]["session_id"]
        self.alike(self.local.session(name), self.engine.session(name), "a session")
        self.alike(self.local.session_meta(name), self.engine.session_meta(name), "its sums")
        self.alike(self.local.around(name, 1, 2), self.engine.around(name, 1, 2), "around")
        for reader in (self.local, self.engine):
            self.assertRaises(NotKept, reader.session, "nobody")  # type: ignore[attr-defined]

    def test_records(self) -> None:
        """Whole, one by one and several at once."""
        one = self.made[42]
        place = (one["session_id"], one["seq"])
        self.alike(self.local.record(*place), self.engine.record(*place), "a record")
        numbers = [each["seq"] for each in self.made if each["session_id"] == place[0]]
        self.alike(self.local.records(place[0], numbers), self.engine.records(place[0], numbers), "records")
        for reader in (self.local, self.engine):
            self.assertRaises(NotKept, reader.record, place[0], 999)  # type: ignore[attr-defined]

    def test_statistics(self) -> None:
        """In total and by upstream and model, by hour and day, by directory; since a time."""
        half = parse_query({"since": self.made[len(self.made) // 2]["started_at"]}).since
        for since in (None, half):
            self.alike(self.local.stats(since), self.engine.stats(since), f"stats since {since}")
            self.alike(self.local.directories(since), self.engine.directories(since), f"directories since {since}")
        self.alike(self.local.speeds(half, None, 60_000), self.engine.speeds(half, None, 60_000), "speeds")
        for span in ("hour", "day"):
            self.alike(self.local.periods(span), self.engine.periods(span), f"by {span}")

    def test_sums(self) -> None:
        """Costs by every group, and the values of the filters."""
        query = parse_query({})
        for by in GROUPS:
            key = lambda row: str(row["name"])  # noqa: E731
            mine, theirs = (sorted(each.costs(query, by), key=key) for each in (self.local, self.engine))
            self.alike(mine, theirs, f"costs by {by}")
        mine, theirs = self.local.meta(), self.engine.meta()
        people = {name: theirs.pop(name) for name in sorted(LABELLED) if name in theirs}
        self.alike(mine, theirs, "values of filters")
        self.alike({name: sorted(each) for name, each in people.items()}, {"host": ["h"], "user": ["u0", "u1", "u2"]},
                   "who")  # fmt: skip

    def test_people(self) -> None:
        """Who it was is a field and a group of the engine's; the local reader says where it is one."""
        query = parse_query({"q": "user:u1 host:h -team:red", "limit": "300"})
        wanted = {each["id"] for each in self.made if each["labels"]["user"] == "u1"}
        found = {each["id"] for each in self.engine.requests(query).items}
        self.assertEqual(len(found), min(len(wanted), 300))  # type: ignore[attr-defined]
        self.assertLessEqual(found, wanted)  # type: ignore[attr-defined]
        self.alike(self.engine.totals(query)["requests"], len(wanted), "calls of a person")
        rows = self.engine.costs(parse_query({}), "person")
        self.alike({row["name"]: row["requests"] for row in rows}["u1"], len(wanted), "by person")
        self.alike([row["name"] for row in self.engine.costs(parse_query({}), "team")], [None], "by team")
        self.assertRaises(QueryError, self.local.requests, query)  # type: ignore[attr-defined]
        self.assertTrue(set(self.local.groups) < set(self.engine.groups))  # type: ignore[attr-defined]

    def test_said_before(self) -> None:
        """Whatever part of the time is looked at, a text is found where its session said it first."""
        words = words_of(self.made[0])
        for number in range(0, len(self.made), max(len(self.made) // 12, 1)):
            since = self.made[number]["started_at"]
            for word in words[:3]:
                query = parse_query({"q": word, "since": since, "limit": "40"})
                mine, theirs = self.local.requests(query).items, self.engine.requests(query).items
                self.alike([each["id"] for each in mine], [each["id"] for each in theirs], f"{word} since {since}")

    def test_insights(self) -> None:
        """What is made of records is made of the same calls."""
        name = self.made[7]["session_id"]
        mine, theirs = self.local.calls(name), self.engine.calls(name)
        self.alike([call.seq for call in mine], [call.seq for call in theirs], "calls")
        self.alike([call.cost for call in mine], [call.cost for call in theirs], "costs of calls")
        self.alike(self.local.stamp(name), self.engine.stamp(name), "stamp")

    def test_findings(self) -> None:
        """Prompts, secrets and limits of all sessions, and what is worth knowing."""
        mine, theirs = (Insights(reader, lambda: 1_790_100_000.0) for reader in (self.local, self.engine))
        for what in ("prompts", "leaks", "findings_since"):
            # An index keeps less of how a prompt begins than a record has.
            one, other = ([{**each, "text": str(each.get("text"))[:100]} for each in getattr(answers, what)()]
                          for answers in (mine, theirs))  # fmt: skip
            self.assertTrue(one, what)  # type: ignore[attr-defined]
            self.alike(one, other, what)
        told = [{(each["account"], each["name"]): (each["used"], each["limit"]) for each in answers.limits()}
                for answers in (mine, theirs)]  # fmt: skip
        self.alike(*told, "limits")
        # Some of the calls are looked at there, the newest of each quarter of an hour: the pace is the same here.
        paces = [next(each["per_hour"] for each in answers.limits() if "7d" in each["name"])
                 for answers in (mine, theirs)]  # fmt: skip
        self.assertGreater(paces[0], 0.01)  # type: ignore[attr-defined]
        self.assertAlmostEqual(*paces, 3)  # type: ignore[attr-defined]
        name = mine.prompts()[0]["id"]
        self.alike({**mine.prompt(name), "text": ""}, {**theirs.prompt(name), "text": ""}, "a prompt")


def words_of(record: dict[str, Any]) -> list[str]:
    """Return words that a record says at its end, the rarest looking first."""
    content = record["request"]["body"]["messages"][-1]["content"][0]
    return str(content.get("text") or content.get("content")).split() + ["more"] * 8


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def folder(path: str) -> Path:
    """Return a path as an absolute one."""
    return Path(path).absolute()
