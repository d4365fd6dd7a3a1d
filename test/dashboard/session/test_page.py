"""Tests of the page of a session: turns, branches, what is new in each, and the figures above them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.news import News, common_prefix, news
from ccsproxy.dashboard.session.turns import DEEPEST, turns
from ccsproxy.dialects.views.view import Block, Message, RequestView, answer_view, request_view
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase
from test.store.corpus import started

NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">" onload="x'


def summary(seq: int, **more: Any) -> dict[str, Any]:
    """Return a summary as the index has it."""
    return {
        "seq": seq,
        "category": "model",
        "model": "m",
        "agent": None,
        "thread": None,
        "parent_agent": None,
        **more,
    }


def order(*given: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """Return the numbers of turns with the names of the branches that they are in."""
    return [(turn.seq, [branch.name for branch in turn.path]) for turn in turns(given)]


class TurnsTests(SynchronousTestCase):
    """The order in which a session is read."""

    def test_branches_stand_where_they_began(self) -> None:
        """The turns of a sub-agent follow the request after which it began, however they interleave with others."""
        found = order(
            summary(1), summary(2, agent="a"), summary(3, agent="b"), summary(4, agent="a"), summary(5),
            summary(6, agent="deep", parent_agent="b"),
        )  # fmt: skip
        self.assertEqual(found, [(1, []), (2, ["a"]), (4, ["a"]), (3, ["b"]), (6, ["b", "deep"]), (5, [])])

    def test_branch_of_a_thread(self) -> None:
        """An agent may name the thread that it came from; one of unknown origin is a branch of the main one."""
        found = order(
            summary(1, thread="t1"),
            summary(2, thread="t2", parent_agent="t1"),
            summary(3, agent="x", parent_agent="?"),
        )
        self.assertEqual(found, [(1, []), (2, ["t2"]), (3, ["x"])])

    def test_circles_end(self) -> None:
        """Agents that each name the other as their parent are shown all the same, once each."""
        found = order(summary(1, agent="a", parent_agent="b"), summary(2, agent="b", parent_agent="a"))
        self.assertEqual(sorted(seq for seq, _ in found), [1, 2])
        self.assertEqual([seq for seq, _ in order(summary(1, agent="a", parent_agent="a"))], [1])

    def test_previous_is_of_the_same_thread_and_model(self) -> None:
        """A turn goes on from its own thread; a side call to another model does not come between."""
        given = (
            summary(1), summary(2, agent="a"), summary(3, model="small"), summary(4),
            summary(5, category="count_tokens"), summary(6, agent="a"),
        )  # fmt: skip
        previous = {turn.seq: turn.previous for turn in turns(given)}
        self.assertEqual(previous, {1: None, 2: None, 3: 1, 4: 1, 5: None, 6: 2})

    def test_calls_that_are_no_turns(self) -> None:
        """What does not call a model is not counted as a turn."""
        found = turns([summary(1), summary(2, category="count_tokens"), summary(3)])
        self.assertEqual([(turn.place, turn.aside) for turn in found], [(1, False), (0, True), (2, False)])

    def test_agents_below_agents(self) -> None:
        """However deep agents call one another, all turns are there, and the page is only so deep."""
        given = [summary(1), summary(2, agent="0")]
        given += [summary(3 + n, agent=str(n + 1), parent_agent=str(n)) for n in range(300)]
        found = turns(given)
        self.assertEqual([turn.seq for turn in found], list(range(1, 303)))
        self.assertEqual(found[-1].path[-1].name, "300")
        self.assertEqual(max(len(turn.path) for turn in found), DEEPEST)


def text(role: str, said: str, **more: Any) -> Message:
    """Return a message of one text."""
    return Message(role, (Block(kind="text", text=said, **more),))


class NewsTests(SynchronousTestCase):
    """What a turn adds to the one before."""

    def test_only_what_is_new(self) -> None:
        """Messages that were there, and the answer that was shown, are counted and not repeated."""
        before = RequestView(messages=(text("user", "a"),))
        after = RequestView(messages=(text("user", "a"), text("assistant", "b"), text("user", "c")))
        found = news(before, True, after, text("assistant", "d"))
        self.assertEqual(found, News((text("user", "c"),), text("assistant", "d"), carried=1, repeated=1))
        self.assertEqual(len(news(before, False, after, None).messages), 2)
        self.assertEqual(len(news(None, False, after, None).messages), 3)

    def test_cache_marks_do_not_count(self) -> None:
        """A message whose mark of the prompt cache moved on is the same message."""
        marked = text("user", "a", cache_breakpoint=True)
        self.assertEqual(common_prefix([marked], [text("user", "a")]), 1)
        nested = Message("user", (Block(kind="tool_result", content=marked.blocks),))
        plain = Message("user", (Block(kind="tool_result", content=text("user", "a").blocks),))
        self.assertEqual(common_prefix([nested], [plain]), 1)

    def test_rewritten_history(self) -> None:
        """Messages that are gone are said, as they are when an agent compacts its context."""
        before = RequestView(messages=(text("user", "a"), text("assistant", "b")))
        found = news(before, True, RequestView(messages=(text("user", "summary"),)), None)
        self.assertEqual((found.gone, found.carried, len(found.messages)), (2, 0, 1))
        chained = RequestView(messages=(text("user", "n"),), params={"previous_response_id": "r"})
        self.assertEqual(news(before, True, chained, None).gone, 0)

    def test_every_dialect(self) -> None:
        """A request that goes on from another adds what it adds, whatever dialect it is in."""
        for name, (make, said, _) in specimens.DIALECTS.items():
            made = make()
            view = request_view(made["dialect"], made["request"]["body"])
            again = news(view, True, view, answer_view(made["dialect"], made["response"]["body_reassembled"]))
            self.assertEqual((again.messages, again.gone, again.system, again.tools), ((), 0, 0, 0), name)
            first = news(None, False, view, None)
            self.assertEqual(first.messages, view.messages, name)
            self.assertIn(said, str(first.messages) + str(view.params), name)


class SessionPageTests(DashboardCase):
    """The page over a store."""

    def test_conversation(self) -> None:
        """A turn is the user's; its steps show call and result as one item, and lead to their calls and changes."""
        self.keep(*specimens.conversation(6))
        page = self.page(f"/s/{specimens.SID}")
        self.assertEqual(page.one("h1").text, "Why does test_headers fail? Please fix it.")
        main = page.one("main")
        self.assertEqual(main.text.count("Step 2: I read"), 1)
        self.assertEqual(main.text.count("part 3 x = 1"), 1)
        self.assertIn("agent-explore", page.one("details", id="asides").text)
        tools = page.all("details", data_testid="tool")
        self.assertTrue(any("part 3 x = 1" in each.text and "Read" in each.text for each in tools))
        self.assertIn(f"/diff/{specimens.SID}/1/2", [each.attributes["href"] for each in main.all("a")])
        self.assertIn("ledger", page.one("header", id="session-head").text)
        bars = page.one("figure", data_testid="growth").all("a")
        self.assertTrue(all(each.attributes["href"].startswith(f"/s/{specimens.SID}?from=") for each in bars))
        self.assertGreater(len(bars), 4)

    def test_parts(self) -> None:
        """A long session is read in parts, each with an address; the table has all of it."""
        self.keep(*specimens.conversation(70))
        first = self.page(f"/s/{specimens.SID}")
        parts = first.all("nav", aria_label="Parts of the conversation")[0].all("a")
        self.assertEqual([each.text for each in parts], ["1 to 30", "31 to 60", "61 to 70"])
        later = parts[1].attributes["href"]
        self.assertEqual(first.one("body").attributes["data-next"], later)
        self.assertEqual(len(self.page(str(later)).all("article", data_testid="step")), 30)
        self.assertEqual(len(self.page(f"/s/{specimens.SID}?from=end").all("article", data_testid="step")), 10)
        self.assertNotIn("data-previous", self.page(f"/s/{specimens.SID}?from=x").one("body").attributes)
        table = self.page(f"/s/{specimens.SID}?view=calls")
        self.assertEqual(len(table.all("tr", data_testid="row")), 72)

    def test_what_may_be_new(self) -> None:
        """The piece for a live page has the last step that it shows and all that follow, and their turn's line."""
        self.keep(*specimens.conversation(8))
        steps = self.page(f"/s/{specimens.SID}").all("article", data_testid="step")
        keys = [each.attributes["data-key"] for each in steps]
        piece = self.page(f"/s/{specimens.SID}?part=fresh&since={keys[-3]}")
        # For the script, which asks again for calls that events have told of and that are not among these.
        told = piece.one("p", id="finished").attributes["data-seqs"].split()
        self.assertLessEqual(set(keys), set(told))
        self.assertEqual(
            [each.attributes["data-key"] for each in piece.all("article", data_testid="step")], keys[-3:]
        )
        self.assertTrue(piece.one("ol", id="outline").all("li"))
        piece.one("header", id="session-head")

    def test_costs(self) -> None:
        """What a session cost is split by kind of token and by time, and its steps stand in a table."""
        self.keep(*specimens.conversation(6))
        page = self.page(f"/s/{specimens.SID}?view=costs")
        self.assertEqual(len(page.one("section", data_testid="steps").all("tr")), 6 + 1)
        self.assertIn("model", page.one("section", data_testid="time").text)

    def test_every_dialect_is_shown(self) -> None:
        """What was asked and answered is on the page in every dialect."""
        self.keep(*(make(1, session_id=f"of-{name}") for name, (make, _, _) in specimens.DIALECTS.items()))
        for name, (_, asked, answered) in specimens.DIALECTS.items():
            if name != "generic":
                shown = self.page(f"/s/of-{name}").one("main").text
                self.assertIn(asked, shown, name)
                self.assertIn(answered, shown, name)

    def test_nasty_texts_are_text(self) -> None:
        """Prompts, answers, names and errors that are HTML stay text, in the conversation and in the table."""
        body = {
            "model": NASTY,
            "system": NASTY,
            "messages": [{"role": "user", "content": NASTY}],
            "tools": [{"name": NASTY, "description": NASTY, "input_schema": {NASTY: NASTY}}],
        }
        answer = {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": NASTY, "name": NASTY, "input": {NASTY: 1}}],
        }
        client = {"name": NASTY, "version": NASTY, "cwd": NASTY, "agent": NASTY}
        more = {"client": client, "model": NASTY, "stop_reason": NASTY, "outcome": "http_error"}
        error = {"kind": "http_error", "message": NASTY}
        self.keep(
            specimens.record(1, "anthropic", body, answer),
            specimens.record(2, "anthropic", body, answer, error=error, **more),
        )
        sid = specimens.SID
        for path in (
            *(f"/s/{sid}", f"/s/{sid}?view=calls", f"/s/{sid}?view=costs", f"/s/{sid}?part=fresh&since=1"),
            *(f"/s/{sid}?call=2", f"/sessions?sel={sid}", f"/calls?sel={sid}/1&q=script", f"/x/{sid}/2?q=alert"),
            *("/sessions", f"/diff/{sid}/1/2", f"/diff?a={sid}/1&b={sid}/2", f"/diff?b={sid}/2"),
        ):
            page = self.page(path)
            self.assertEqual([each for each in page.all("script") if not each.attributes.get("src")], [], path)
            self.assertNotIn("\x00", page.text)
        self.assertIn(NASTY, self.page(f"/s/{sid}").one("main").text)

    def test_bodies_that_are_not_known(self) -> None:
        """A call that runs, or whose body was not kept, is there; nothing is said of messages that nobody knows."""
        first, second, third = specimens.conversation(3, branch_at=0)
        second["request"] = {**second["request"], "body": None}
        second["response"] = {**second["response"], "body_reassembled": None}
        self.keep(first, second, started({**third, "dialect": "anthropic"}))
        page = self.page(f"/s/{specimens.SID}")
        self.assertIn("In flight", page.one("div", id="running").text)
        self.assertIn("No answer was recorded", page.one("main").text)
        changed = self.page(f"/diff/{specimens.SID}/1/2")
        self.assertIn("not recorded", changed.text)
        self.assertEqual(changed.all("p", data_testid="summary"), [])

    def test_what_is_not_there(self) -> None:
        """An unknown session is 404; records whose segment is gone are said to be gone."""
        self.page("/s/none", 404)
        self.keep(*specimens.conversation(2))
        for path in self.data_dir.glob("segments/*"):
            path.unlink()
        self.assertIn("kept no more", self.page(f"/s/{specimens.SID}").text)
