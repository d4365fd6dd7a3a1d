"""Where an agent works, in the words of each agent."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.call import ClientCall
from ccsproxy.clients.folders import _SAYINGS, _SIGNS, working_folder


def folder(text: str) -> str | None:
    """Return the folder that instructions name."""
    return working_folder(ClientCall([], b"/v1/messages", {"system": text}))


class FolderTests(SynchronousTestCase):
    """The words of a dozen agents."""

    def test_sayings(self) -> None:
        """The path behind each agent's words is found, in whatever marks it stands."""
        for text, path in (
            ("Primary working directory: /home/me/a b", "/home/me/a b"),
            ("<cwd>/w</cwd>", "/w"),
            ("# Current Working Directory (/home/me/x) Files\na.py", "/home/me/x"),
            ("Current Workspace Directory: C:\\src", "C:\\src"),
            ("Working directory: `/w`", "/w"),
            ("Your working directory is: /w", "/w"),
            ("I'm currently working in the directory: /g", "/g"),
            ("the following directories:\n  - /g/one\n  - /g/two", "/g/one"),
            ("**Workspace Directories:**\n  - /q", "/q"),
            ("Project root: ~/p", "~/p"),
        ):
            self.assertEqual(folder(text), path, text)

    def test_special_words_come_before_what_is_part_of_them(self) -> None:
        """Claude Code names its primary directory beside others."""
        text = "Additional working directory: /other\nPrimary working directory: /mine"
        self.assertEqual(folder(text), "/mine")

    def test_signs(self) -> None:
        """What is looked for first is in the words of every saying, so that none is passed over."""
        for saying in _SAYINGS:
            self.assertTrue(any(sign in saying.words for sign in _SIGNS), saying.words)

    def test_prose(self) -> None:
        """Words that no absolute path follows say nothing; the next that are followed by one do."""
        self.assertIsNone(folder("Working directory: the one above"))
        self.assertEqual(folder("Working directory: the one above.\nWorking directory: /w"), "/w")

    def test_hostile_repetitions(self) -> None:
        """Words repeated without end are given up."""
        self.assertIsNone(folder("Working directory: no " * 50 + "\nWorking directory: /w"))
