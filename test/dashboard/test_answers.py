"""Tests of the pages that answer: findings, why, prompts, leaks, health; on the generated world, and on hostile
words."""

from typing import Any

from ccsproxy.dashboard.answers.why_view import cost_panel, sentence
from ccsproxy.dashboard.html.markup import write
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase
from test.insight.world import World, make_world

NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">" onload="x'


#: What pages call verdicts, where that is another word.
VERDICTS = {"changed": "Missed", "miss": "Missed", "unset": "Not asked for", "unknown": "Not known"}


class WorldPagesTests(DashboardCase):
    """The questions of a user, asked of a world whose truth is known."""

    world: World | None = None

    def setUp(self) -> None:
        super().setUp()
        WorldPagesTests.world = self.world = WorldPagesTests.world or make_world()
        self.keep_world()

    def test_a_session_begins_with_its_findings(self) -> None:
        """What cost most stands at the top, as links to the calls that show it."""
        found = False
        for sid, truth in self.world.truths.items():
            missed = [seq for seq, (verdict, _) in truth.verdicts.items() if verdict == "changed"]
            if not missed:
                continue
            found = True
            page = self.page(f"/s/{sid}")
            findings = page.one(data_testid="findings")
            self.assertIn("cache", findings.text)
            addresses = [link.attributes["href"] for link in findings.all("a")]
            self.assertTrue(any(address == f"/x/{sid}/{seq}" for address in addresses for seq in missed), addresses)
        self.assertTrue(found, "the world has a session whose cache missed")

    def test_turns_are_the_users(self) -> None:
        """A step bears the number of the turn that the user counts; title calls, retries and lost caches are
        named."""
        for sid, truth in self.world.truths.items():
            if not truth.turns:
                continue
            first = {steps[0][0]: number for number, (_, steps) in enumerate(truth.turns, 1) if steps}
            text = ""
            for seq, number in list(first.items())[:6]:
                page = self.page(f"/s/{sid}?from={seq}")
                text += page.text
                step = page.one("article", id=f"step-{seq}")
                self.assertEqual(
                    step.one("a", data_testid="to-exchange").attributes["aria-label"], f"Turn {number}, step 1"
                )
            if any(verdict == "changed" for verdict, _ in truth.verdicts.values()):
                self.assertIn("cache missed", text + self.page(f"/s/{sid}").text)

    def test_why_a_call_cost_what_it_cost(self) -> None:
        """A call whose prompt changed says its price, its verdict, and where the first difference is."""
        for sid, truth in self.world.truths.items():
            for seq, (verdict, _) in list(truth.verdicts.items())[:40]:
                page = self.page(f"/x/{sid}/{seq}")
                panel = page.one(id="cache")
                self.assertIn(f"{VERDICTS.get(verdict, verdict.capitalize())}:", panel.text)
                self.assertTrue(page.one(data_testid="why").text.endswith("."))
                if verdict == "changed":
                    self.assertIn("First difference", panel.text)

    def test_prompts(self) -> None:
        """Every version is listed, has a page, and says what it changed against the one before."""
        listed = self.page("/prompts").one(data_testid="prompts")
        addresses = [
            link.attributes["href"] for link in listed.all("a") if link.attributes["href"].startswith("/prompts/")
        ]
        self.assertGreater(len(addresses), 3)
        changed = [address for address in addresses if "What changed" in self.page(address).text]
        self.assertTrue(changed)

    def test_overview_and_health(self) -> None:
        """The overview has findings of all sessions; health says that nothing was dropped."""
        self.page("/overview?span=all")
        self.health |= {"accepted": 7, "stored": 7, "dropped": {}, "started_at": "2026-11-30T10:00:00.000Z"}
        self.assertIn("Nothing was dropped", self.page("/health").one(data_testid="verdict").text)
        self.health["dropped"] = {"disk": 2, "memory": 1}
        self.assertIn("3 exchanges had to be dropped", self.page("/health").one(data_testid="verdict").text)


class HostilePagesTests(DashboardCase):
    """Whatever was captured is shown as text, in the new places too."""

    def test_hostile_words(self) -> None:
        """Markup in system prompt, tool names, tool results, client and account does nothing."""
        tool = {"name": NASTY, "description": NASTY, "input_schema": {"type": "object"}}
        body: dict[str, Any] = {
            "model": "claude-sonnet-4-5",
            "system": NASTY,
            "tools": [tool],
            "messages": [{"role": "user", "content": NASTY}],
        }
        secret = {"kind": NASTY, "where": NASTY, "count": 1}
        answer = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": NASTY}]}
        usage = {"input_tokens": 900, "output_tokens": 5}
        first = specimens.record(1, "anthropic", body, answer, usage=usage)
        first["capture"] = {**first.get("capture", {}), "outbound_secrets": [secret]}
        first["client"] = {**(first.get("client") or {}), "name": NASTY, "account": NASTY}
        other = {**body, "system": NASTY + " changed", "tools": [{**tool, "name": NASTY + "2"}]}
        self.keep(first, specimens.record(2, "anthropic", other, answer, usage=usage))
        self.health["started_at"] = NASTY
        for path in ("/leaks", "/prompts", "/overview", "/health", "/sessions", f"/s/{specimens.SID}"):
            self.page(path)
        for seq in (1, 2):
            self.page(f"/x/{specimens.SID}/{seq}")
        for link in self.page("/prompts").one(data_testid="prompts").all("a"):
            if link.attributes["href"].startswith("/prompts/"):
                self.page(link.attributes["href"])

    def test_nothing_recorded(self) -> None:
        """Without records the pages say so."""
        for path in ("/leaks", "/prompts", "/overview", "/health"):
            self.page(path)
        self.page("/prompts/none", 404)


class WhyPanelTests(DashboardCase):
    """How the answer reads."""

    def test_unknown_price(self) -> None:
        """No price is not a price of nothing."""
        none = dict.fromkeys(("total", "read", "write", "input", "output", "other", "share_of_session"))
        cost = {**none, "tokens": {"input": 3}, "at_least": False}
        self.assertIn("price is not known", sentence(cost, None))

    def test_lower_bound(self) -> None:
        """A call that broke off shows what is known of its price as a bound, and says why."""
        parts = {"total": 0.0045, "read": 0.0036, "write": None, "input": 0.0009, "output": None, "other": None}
        cost = {**parts, "share_of_session": None, "tokens": {"read": 1200, "input": 300}, "at_least": True}
        self.assertIn("≥ $0.0045, $0.0036 of it for", sentence(cost, None))
        page = write(cost_panel(cost))
        self.assertIn("≥ $0.0045".encode(), page)
        self.assertIn(b"The output was not counted", page)
