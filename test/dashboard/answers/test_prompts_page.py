"""Tests of the pages of prompts."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.prompts_page import prompt_page, prompts_page
from test.dashboard.reading_page import Element, misdeeds, shown


def version(**more: Any) -> dict[str, Any]:
    """Return what is known of one version of a prompt."""
    place, at = {"session_id": "s", "seq": 3}, "2026-11-20T08:00:00Z"
    return {"id": "system-1", "kind": "system", "text": "Be brief.", "tools": [], "tokens": 1234, "calls": 5,
            "tokens_sent": 6170, "cost": None, "sessions": 2, "clients": ["claude-code 2"],
            "first": place, "last": place, "first_seen": at, "last_seen": at, "previous": None,
            "changes": None, "content": ["Be brief."], **more}  # fmt: skip


class PromptsTests(SynchronousTestCase):
    """The distinct system prompts and tool sets."""

    def service(self, *versions: dict[str, Any]) -> Any:
        """Return a service that knows some versions."""
        by_name = {each["id"]: each for each in versions}
        insights = type(
            "I", (), {"prompts": lambda self: list(versions), "prompt": lambda self, name: by_name[name]}
        )()
        return type("Service", (), {"insights": insights})()

    def listed(self, *versions: dict[str, Any]) -> Element:
        """Show the list."""
        return shown(list(prompts_page(None, {}, self.service(*versions)).body))  # type: ignore[arg-type]

    def test_list(self) -> None:
        """A row a version, by its tools where it is a set of them; ids that need it are quoted."""
        page = self.listed(version(), version(id="tools/2", kind="tools", tools=["Read", "Bash"]))
        self.assertEqual([each.text for each in page.one("tbody").all("th")], ["system prompt", "tools"])
        links = [each.attributes["href"] for each in page.one("tbody").all("a")]
        self.assertEqual((links[0], links[3]), ("/prompts/system-1", "/prompts/tools%2F2"))
        self.assertIn("Read, Bash", page.text)
        self.assertIn("$0.02", self.listed(version(cost=0.0234)).text)
        self.assertNotIn("$", page.text)
        self.assertIn("has been seen", self.listed().text)

    def test_one(self) -> None:
        """Its content, who used it, and what it changed against the one before."""
        lines = ["+ be kind", "- be brief", " same"]
        changes = [{"place": "system[0]", "kind": "changed", "name": None, "lines": lines}]
        found = version(
            previous="system-0", changes=changes, content=[{"text": "Hi."}, {"name": "t", "description": "d"}]
        )
        page = shown(list(prompt_page("system-1", self.service(found)).body))
        self.assertEqual([page.one("ins").text, page.one("del").text], ["+ be kind", "- be brief"])
        self.assertEqual([each.text for each in page.all("pre", class_="content")], ["Hi.", "t\nd"])
        self.assertTrue(page.all("a", href="/prompts/system-0"))

    def test_hostile_words(self) -> None:
        """Whatever a prompt says is text."""
        nasty = '"><img src=x onerror=y>'
        found = version(id=nasty, text=nasty, clients=[nasty], content=[nasty])
        self.assertEqual(misdeeds(self.listed(found)), [])
        self.assertEqual(misdeeds(shown(list(prompt_page(nasty, self.service(found)).body))), [])
