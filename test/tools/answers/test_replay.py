"""``ccsproxy replay``: which call is meant, and why some cannot be sent."""

from test.insight.world import MAIN
from test.tools.answering import AnsweringCase


class ReplayTests(AnsweringCase):
    """Without an upstream; what is sent is tried in `test.integration.test_replay`."""

    def refused(self, *words: str, wanted: int = 1) -> str:
        status, out, err = self.run_command("replay", *words)
        self.assertEqual((status, out, err.count("\n")), (wanted, "", 1))
        return err

    def test_a_session_is_its_last_main_call(self) -> None:
        """The sentence names the call that was chosen."""
        last = max(step["seq"] for turn in self.answer("why", MAIN)["turns"] for step in turn["steps"])
        self.assertIn(f"/{last} cannot be sent again", self.refused(MAIN))

    def test_how_often(self) -> None:
        for times in ("0", "21"):
            self.assertIn("-n takes 1 to 20", self.refused(f"{MAIN}/1", "-n", times, wanted=2))

    def test_no_such_call(self) -> None:
        self.refused(f"{MAIN}/99999")
        self.refused("nobody/1")
