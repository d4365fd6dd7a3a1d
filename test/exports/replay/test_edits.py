"""Tests of changing a request before it is sent again."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.edits import BodySetting, Edits, edited, read_setting
from ccsproxy.exports.replay.errors import EditError

BODY = {"model": "claude-opus-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


class SettingTests(SynchronousTestCase):
    """``--set``."""

    def test_values(self) -> None:
        for text, value in (
            ("a=1", 1),
            ("a=true", True),
            ('a="1"', "1"),
            ("a={}", {}),
            ("a=x y", "x y"),
            ("a=1,2", "1,2"),
        ):
            self.assertEqual(read_setting(text), BodySetting(("a",), value), text)
        self.assertEqual(read_setting("a="), BodySetting(("a",), remove=True))
        self.assertEqual(read_setting("a==1"), BodySetting(("a",), "=1"))

    def test_what_is_no_setting(self) -> None:
        for text in ("a", "=1", "a[0]b=1", "a[*]=1"):
            self.assertRaises(EditError, read_setting, text)


class EditTests(SynchronousTestCase):
    """All kinds of changes."""

    def test_nothing(self) -> None:
        self.assertEqual(edited(Edits(), None, "/x", b"no json"), ("/x", b"no json"))
        self.assertFalse(Edits().any)

    def test_model_in_the_body(self) -> None:
        target, body = edited(Edits(model="m"), "anthropic", "/v1/messages?beta=true", BODY)
        self.assertEqual((target, body), ("/v1/messages?beta=true", {**BODY, "model": "m"}))
        self.assertEqual(BODY["model"], "claude-opus-5")

    def test_model_in_the_path(self) -> None:
        for target, meant in (
            (
                "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
                "/v1beta/models/new:streamGenerateContent?alt=sse",
            ),
            ("/model/anthropic.claude%3A0/invoke", "/model/new/invoke"),
            (
                "/openai/deployments/gpt/chat/completions?api-version=1",
                "/openai/deployments/new/chat/completions?api-version=1",
            ),
        ):
            self.assertEqual(edited(Edits(model="new"), "gemini", target, {}), (meant, {}))
        self.assertRaises(EditError, edited, Edits(model="new"), "gemini", "/v1/x", {})

    def test_in_their_order(self) -> None:
        """What is set last wins, also over the other options."""
        edits = Edits(
            "m", (read_setting("model=n"), read_setting("messages[-1].content=[]"), read_setting("max_tokens="))
        )
        self.assertEqual(
            edited(edits, None, "/", BODY)[1], {"model": "n", "messages": [{"role": "user", "content": []}]}
        )

    def test_what_cannot_be_set(self) -> None:
        for edits in (
            Edits(settings=(read_setting("messages[7].content=1"),)),
            Edits(settings=(read_setting("x="),)),
        ):
            error = self.assertRaises(EditError, edited, edits, None, "/", BODY)
            self.assertIn("cannot be set", str(error))
        self.assertRaises(EditError, edited, Edits("m"), None, "/", [1])
