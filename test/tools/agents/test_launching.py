"""Tests of command lines that start an agent."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import StartError
from ccsproxy.tools.agents.launching import _label, _program, find_launch
from ccsproxy.tools.data_dir import CommandError


class FindTests(SynchronousTestCase):
    """Everything after an agent's name is its own."""

    def test_options_stand_before_the_name(self) -> None:
        """What follows is passed on as it is, whatever it looks like."""
        found = find_launch(["--quiet", "--label", "a=1", "claude", "--quiet", "-p", "run"])
        assert found is not None
        self.assertEqual((found.name, list(found.words)), ("claude", ["--quiet", "-p", "run"]))
        self.assertEqual((found.options.quiet, found.options.label), (True, ["a=1"]))

    def test_other_commands(self) -> None:
        """A word that an agent shares with another command's argument is none."""
        for argv in ([], ["ls"], ["search", "claude"], ["why", "last"]):
            self.assertIsNone(find_launch(argv))

    def test_an_option_of_the_agents_in_the_wrong_place(self) -> None:
        """It is named, with what may be meant; abbreviations are none."""
        for option in ("--model", "--qui"):
            with self.assertRaises(CommandError) as caught:
                find_launch([option, "claude"])
            self.assertIn(f"{option} is not allowed before 'claude'", str(caught.exception))

    def test_run(self) -> None:
        """Its options may stand on either side of it, up to the command or to a double dash."""
        for argv, words in (
            (["run", "--quiet", "make", "--quiet"], ["make", "--quiet"]),
            (["--quiet", "run", "--", "--odd"], ["--odd"]),
            (["run", "--label=a=1", "--capture", "off", "--quiet", "--", "make"], ["make"]),
        ):
            found = find_launch(argv)
            assert found is not None
            self.assertEqual((found.options.quiet, list(found.words)), (True, words))
        self.assertRaises(CommandError, find_launch, ["run", "--odd", "x", "make"])


class WordTests(SynchronousTestCase):
    """What the words mean."""

    def test_labels(self) -> None:
        """A name and a value, which may hold more of the sign; commas part labels elsewhere."""
        self.assertEqual(_label("task=a=b"), ("task", "a=b"))
        for text in ("task", "=x", "a=1,b=2"):
            self.assertRaises(CommandError, _label, text)

    def test_programs(self) -> None:
        """Found where a shell would find it; none and a missing one are sentences."""
        self.assertEqual(_program(["sh", "-c", "x"])[1:], ["-c", "x"])
        self.assertRaises(CommandError, _program, [])
        self.assertRaises(StartError, _program, ["no-such-program-here"])
