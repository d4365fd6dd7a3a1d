"""``ccsproxy cost``: what was spent."""

from test.tools.answering import AnsweringCase


class CostTests(AnsweringCase):
    """What was spent."""

    def test_by_project(self) -> None:
        out = self.said("cost")
        self.assertRegex(out, r"(?m)^/home/dev/blog +33 +0 .* \$0\.\d\d$")
        self.assertIn("of unknown cost", out)
        got = self.answer("cost", "--by", "project", "client:claude")
        self.assertEqual({row["name"] for row in got["rows"]}, {"/home/dev/webshop", "/home/dev/blog"})

    def test_by_part(self) -> None:
        got = self.answer("cost", "--by", "server")
        self.assertEqual(got["rows"][0]["name"], "postgres")

    def test_nothing(self) -> None:
        status, out, err = self.run_command("cost", "model:nonsense")
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, r"\ANothing matches\.\nNo model 'nonsense' was recorded; there are .*\.\n\Z")
