"""Twenty questions that people ask, each answered in at most three clicks from the first page and by one command.

The world is the generated one, a few days of five programs; each answer is held against what its generator knows.
"""

import io
import json

from ccsproxy.providers.amounts import dollars
from ccsproxy.tools.main import build_parser
from test.dashboard.reading_page import Element
from test.dashboard.scene import DashboardCase
from test.insight.world import LONG, MAIN, POSTGRES, World, make_world

CLICKS = 3
#: List prices of the world's dear model, dollars a million tokens: input, output, read, written for five minutes.
OPUS = (4.0, 20.0, 0.2, 5.0)


class QuestionsCase(DashboardCase):
    """A dashboard over the world, with a reader who clicks and one who types."""

    made: World | None = None

    def setUp(self) -> None:
        super().setUp()
        QuestionsCase.made = self.world = QuestionsCase.made or make_world()
        self.keep_world()
        self.records = {each["seq"]: each for each in self.world.records if each["session_id"] == MAIN}
        self.truth = self.world.truths[MAIN]

    def follow(self, *links: str, start: str = "/") -> Element:
        """Click links by what they say, from the first page on; nobody needs more than three."""
        self.assertLessEqual(len(links), CLICKS)
        page = self.page(start)
        for words in links:
            page = self.page(self.found(page, words).partition("#")[0])
        return page

    def found(self, page: Element, words: str) -> str:
        """Return where the link leads that says, or is titled by, some words."""
        said = [
            (text, str(each.attributes["href"]))
            for each in page.all("a")
            for text in (each.text, each.attributes.get("aria-label"), each.attributes.get("data-jump"))
            if text
        ]
        for fits in (lambda text: text.strip() == words, lambda text: words in text):
            if leads := [href for text, href in said if fits(text)]:
                return leads[0]
        raise AssertionError(f"no link says {words!r}")

    def command(self, *argv: str) -> str:
        """Run one command and return what it says."""
        out, err = io.StringIO(), io.StringIO()
        args = build_parser().parse_args([*argv, "--data-dir", str(self.data_dir)])
        status = args.command.run(args, out, err)
        self.assertEqual((status, err.getvalue()), (0, ""), out.getvalue())
        return out.getvalue()

    def cost(self, seq: int) -> float:
        """Calculate by hand what a call of the dear session cost; one without usage cost nothing that is known."""
        usage = self.records[seq].get("usage") or {}
        counts = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        return sum((usage.get(name) or 0) * price for name, price in zip(counts, OPUS, strict=True)) / 1e6

    def turn_costs(self) -> list[float]:
        """Calculate what each turn cost, sub-agents included."""
        costs = []
        for _, steps in self.truth.turns:
            seqs = [seq for step, retries, _ in steps for seq in (step, *retries)]
            seqs += [seq for _, _, agents in steps for own in agents.values() for seq in own]
            costs.append(sum(map(self.cost, seqs)))
        return costs


class MoneyTests(QuestionsCase):
    """What did it cost, and why."""

    def test_which_turn_cost_most_and_why(self) -> None:
        """1. Sessions, the session, costliest: the step says what it cost and what became of its cache."""
        costs = self.turn_costs()
        dearest = costs.index(max(costs)) + 1
        page = self.follow("Twice refunded", "costliest")
        turn = page.one("section", id=f"turn-{dearest}")
        self.assertIn(dollars(max(costs)), turn.one("header", class_="turn-head").text)
        self.assertIn("cache expired", turn.text)
        self.assertIn(f"turn {dearest}", self.command("why", MAIN[:8]))

    def test_what_did_it_cost_by_project(self) -> None:
        """2. Overview, All: the sums by project are those of the calls, and say how many lack a price."""
        page = self.follow("Overview", "All")
        row = next(each for each in page.one("section", id="split").all("tr") if "/home/dev/webshop" in each.text)
        rows = json.loads(self.command("cost", "--by", "project", "--json"))["rows"]
        known = {each["name"]: each for each in rows}["/home/dev/webshop"]
        self.assertIn(dollars(known["cost"]), row.text)
        own = sum(map(self.cost, self.records))
        others = sum(
            each["usage"]["output_tokens"] > 0
            for each in self.world.records
            if (each.get("client") or {}).get("cwd") == "/home/dev/webshop"
            and each["session_id"] != MAIN
            and each["usage"]
        )
        self.assertGreater(others, 0)
        self.assertGreater(known["cost"], own)
        self.assertEqual(known["unpriced"], 1)

    def test_why_is_my_usage_so_high(self) -> None:
        """3. The session's cost and context: what was written to the cache is most of the bill."""
        written = sum(
            ((each.get("usage") or {}).get("cache_creation_input_tokens") or 0) * OPUS[3] / 1e6
            for each in self.records.values()
        )
        page = self.follow("Twice refunded", "Cost and context")
        self.assertIn(f"written to the cache {dollars(written)}", page.one("section", id="money").text)
        self.assertIn("written", self.command("why", f"{MAIN[:8]}/22"))

    def test_what_does_the_sum_lack(self) -> None:
        """4. Calls: the line above the list says how many calls have no price, and of which models."""
        line = self.follow("Calls").one("p", id="sums").text
        rows = json.loads(self.command("cost", "--by", "model", "--json"))["rows"]
        lacking = {each["name"]: each["unpriced"] for each in rows if each["unpriced"]}
        # The call that the user broke off is one of them: nobody counted its output.
        self.assertIn("claude-opus-5-5", lacking)
        self.assertIn(f"{sum(lacking.values())} call", line)
        for name in lacking:
            self.assertIn(name, line)

    def test_which_model_did_the_small_work(self) -> None:
        """5. The session, its side calls: the title was written by the dear model."""
        page = self.follow("Twice refunded")
        aside = page.one("details", id="asides").text
        self.assertIn(f"call {self.truth.aside[1]} title claude-opus-5-5", aside)
        self.assertIn(" title ", self.command("export", MAIN))

    def test_how_full_is_the_window(self) -> None:
        """6. The session, its largest step's call: how much of the context window is used."""
        page = self.follow("Twice refunded", "Turn 12, step 2")
        usage = self.records[max(self.records)]["usage"]
        whole = sum(
            usage[name] or 0 for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        )
        self.assertIn(
            f"{whole / 1000:.0f}k tokens, {whole / 10_000:.0f} % of the window",
            page.one("section", id="context").text,
        )
        self.assertIn(f"{whole / 1000:.0f}k", self.command("why", f"{MAIN[:8]}/{max(self.records)}"))


class CacheTests(QuestionsCase):
    """Why did the cache miss, and what fills the context."""

    def test_why_did_the_cache_miss(self) -> None:
        """7. The session, the finding's link: tools joined, which, where, and what it cost."""
        joined = next(seq for seq, (_, part) in self.truth.verdicts.items() if part == "tools")
        page = self.follow("Twice refunded", "turn 5")
        verdict = page.one("section", id="cache").text
        for said in ("changed", "tools[40]", "mcp__linear__get_issue", "mcp__linear__search"):
            self.assertIn(said, verdict)
        self.assertIn(f"#{joined} · turn 5, step 1", page.one(class_="told").text)
        self.assertIn("tools[40]", self.command("why", f"{MAIN[:8]}/{joined}"))

    def test_the_largest_tool_result(self) -> None:
        """8. The session: what was sent again most dearly, how often, and for how much."""
        times = sum(
            any(
                block.get("type") == "tool_result" and len(json.dumps(block.get("content"))) > 70_000
                for message in each["request"]["body"]["messages"]
                if isinstance(message["content"], list)
                for block in message["content"]
            )
            for each in self.records.values()
            if each["request"].get("body") and each["request"]["body"].get("messages") and each["usage"]
        )
        page = self.follow("Twice refunded")
        self.assertIn(f"was sent {times} times", page.one("section", data_testid="findings").text)
        self.assertIn("76 KB result of mcp__postgres__query", page.text)
        self.assertIn(f"{times} times", self.command("why", MAIN[:8]))

    def test_which_server_eats_the_context(self) -> None:
        """9. Overview, MCP server: the largest first, by its definitions, calls and results."""
        page = self.follow("Overview", "MCP server", "All")
        rows = page.one("section", id="split").all("tr")
        self.assertTrue(rows[1].text.startswith("postgres"), rows[1].text)
        self.assertTrue(all(name.startswith("mcp__postgres__") for name in POSTGRES))
        self.assertIn("postgres", self.command("cost", "--by", "server").splitlines()[1])

    def test_what_do_my_instructions_cost(self) -> None:
        """10. The session's cost and context: CLAUDE.md, how large and how often."""
        page = self.follow("Twice refunded", "Cost and context")
        row = next(each for each in page.one("section", id="weights").all("tr") if "CLAUDE.md" in each.text)
        self.assertRegex(row.text, r"instructions~\d{3}")
        pieces = self.command("cost", "--by", "kind")
        self.assertIn("instructions", pieces)

    def test_which_tools_are_never_used(self) -> None:
        """11. The session: a whole server whose tools were sent with every call, and never called."""
        findings = self.follow("Twice refunded").one("section", data_testid="findings").text
        self.assertIn("10 tools of github were never called", findings)
        self.assertIn("10 tools of github were never called", self.command("why", MAIN[:8]))

    def test_when_was_it_compacted(self) -> None:
        """12. The session: a mark stands where the conversation became a summary."""
        (kind, seq), *_ = [each for each in self.world.truths[LONG].marks if each[0] == "compaction"]
        page = self.page(f"/s/{LONG}?from={seq}")
        mark = page.one("article", id=f"step-{seq}").one("p", data_testid="mark").text
        self.assertRegex(mark, r"Compacted: \d+ messages became \d+")
        self.assertEqual(kind, "compaction")
        self.assertIn("compaction: ", self.command("export", LONG))


class TroubleTests(QuestionsCase):
    """What went wrong, and why was it slow."""

    def test_were_the_errors_made_good(self) -> None:
        """13. Overview: 529 twice, both made good by a retry."""
        row = next(
            each
            for each in self.follow("Overview", "All").one("section", id="errors").all("tr")
            if "529" in each.text
        )
        self.assertEqual([cell.text for cell in row.all("td")][:2], ["2", "2"])
        self.assertIn("529 twice", self.command("why", MAIN[:8]))

    def test_why_did_it_stop(self) -> None:
        """14. The session, failed or the turn: the user broke it off, the provider did not."""
        broken = next(seq for seq, each in self.records.items() if each["outcome"] == "client_disconnected")
        page = self.page(f"/s/{MAIN}?from={broken}")
        step = page.one("article", id=f"step-{broken}")
        self.assertIn("Client left", step.text)
        self.assertIn("client_disconnected", self.command("show", f"{MAIN[:8]}/{broken}", "--json"))

    def test_why_was_it_slow(self) -> None:
        """15. The session's cost and context: where the time went, stalls at the provider apart."""
        page = self.follow("Twice refunded", "Cost and context")
        self.assertIn("stalls at the provider", page.one("section", id="time").text)
        self.assertIn("waiting for you", page.one("section", id="time").text)
        self.assertIn("model", self.command("why", MAIN[:8]))

    def test_what_did_the_sub_agent_do(self) -> None:
        """16. The session: the agent stands under the call that began it, with its own sums."""
        agents = next(agents for _, steps in self.truth.turns for _, _, agents in steps if agents)
        page = self.follow("Twice refunded")
        for seqs in agents.values():
            fold = next(
                each for each in page.all("details", data_testid="agent") if f"/x/{MAIN}/{seqs[0]}" in links(each)
            )
            self.assertIn(f"{len(seqs)} calls", fold.one("summary").text)
            self.assertIn(dollars(sum(map(self.cost, seqs))), fold.one("summary").text)
            self.assertTrue(all(f"/x/{MAIN}/{seq}" in links(fold) for seq in seqs))
        self.assertIn("refund", self.command("show", f"{MAIN[:8]}/{seqs[0]}"))


class HonestyTests(QuestionsCase):
    """What left, what was lost, what changed."""

    def test_which_key_leaked(self) -> None:
        """17. Leaks: its kind, the first call that sent it, how often it was sent since."""
        page = self.follow("Leaks")
        row = next(each for each in page.one("div", data_testid="leaks").all("tr") if "stripe-key" in each.text)
        first = next(seq for seq, each in self.records.items() if (each["capture"] or {}).get("outbound_secrets"))
        self.assertIn(f"/x/{MAIN}/{first}?view=request", links(row))
        self.assertIn("stripe-key", self.command("leaks"))

    def test_was_anything_dropped(self) -> None:
        """18. Health says it aloud."""
        self.health |= {"accepted": 9, "stored": 9, "dropped": {}, "started_at": "2026-11-30T10:00:00.000Z"}
        self.assertIn("Nothing was dropped", self.follow("Health").one("p", data_testid="verdict").text)
        self.assertIn("nothing is wrong", self.command("verify"))

    def test_what_changed_in_the_system_prompt(self) -> None:
        """19. Prompts, the newer version: what was added to the one before."""
        listed = self.page("/prompts").one("div", data_testid="prompts")
        addresses = [href for href in links(listed) if href.startswith("/prompts/system")]
        shown = [self.page(address).text for address in addresses]
        self.assertTrue(any("Reply in English." in text and "What changed" in text for text in shown))
        self.assertIn("system", self.command("prompts"))

    def test_when_is_the_limit_reached(self) -> None:
        """20. Health, or the head of every page: how full the window of five hours is."""
        self.assertIn("61%", self.page("/").one("span", id="spent").text)
        self.assertIn("61 %", self.follow("Health").one("section", id="limits").text)
        self.assertRegex(self.command("limits"), r"5h.*61 ?%")

    def test_send_it_without_secrets(self) -> None:
        """And: the session as one file, below a megabyte, with what was replaced still replaced."""
        page = self.command("export", MAIN, "--format", "html")
        self.assertLess(len(page), 1_000_000)
        self.assertIn("STRIPE_KEY=&lt;redacted&gt;", page)
        self.assertIn("curl", self.command("export", f"{MAIN}/22", "--format", "curl"))


def links(element: Element) -> list[str]:
    """Return where an element leads."""
    return [str(each.attributes["href"]) for each in element.all("a")]
