"""``ccsproxy prompts``: versions of system prompts and tool sets."""

from test.tools.answering import AnsweringCase


class PromptsTests(AnsweringCase):
    """Versions."""

    def test_prompts(self) -> None:
        listed = self.answer("prompts", "--kind", "system")
        newer = next(each for each in listed if "claude-code 2.1.198" in each["clients"])
        out = self.said("prompts", newer["id"][:12])
        self.assertIn("changed against system-", out)
        self.assertIn("Version two.", out)
