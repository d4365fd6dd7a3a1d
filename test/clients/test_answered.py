"""What a model answered, over every dialect."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.answered import answer_line, answered_title, is_about


class AnsweredTests(SynchronousTestCase):
    """The model's words, without its thoughts and calls."""

    def test_lines(self) -> None:
        """The words of an answer of every dialect."""
        thought = {"type": "thinking", "thinking": "hm", "text": "hm"}
        for answer in (
            {"content": [thought, {"type": "text", "text": "Done."}, {"type": "tool_use", "name": "x", "input": {}}]},
            {"choices": [{"message": {"role": "assistant", "content": "Done.", "reasoning_content": "hm"}}]},
            {"output": [{"type": "reasoning", "content": "hm"}, {"type": "message", "content": [{"text": "Done."}]}]},
            {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "Done."}]}}]},
            {"output": {"message": {"content": [{"text": "Done."}]}}},
            {"message": {"role": "assistant", "content": "Done."}},
            "Done.",
        ):
            self.assertEqual(answer_line(answer), "Done.")
        self.assertEqual(answer_line(None), "")

    def test_titles(self) -> None:
        """A title, plain or in an object; what is none is no title."""
        for text, title in [
            ('{"title": "Fix the login redirect"}', "Fix the login redirect"),
            ('```json\n{"title": "Fix the cart"}\n```', "Fix the cart"),
            ("Debugging production errors\n\nmore", "Debugging production errors"),
            ('"Fix the cart"', "Fix the cart"),
            ("<think>long</think>\nFix the cart", "Fix the cart"),
            ("修复登录错误", "修复登录错误"),
            ('{"title": "mock"}', ""),
            ('{"isNewTopic": true}', ""),
            (
                "The login fails because the session is read before the cookie is set, so that " + "it is lost " * 9,
                "",
            ),
            ("", ""),
        ]:
            self.assertEqual(answered_title({"content": [{"type": "text", "text": text}]}), title)

    def test_titles_are_about_the_prompt(self) -> None:
        """A title has a word of content in common with what the user said; other writings are not compared."""
        for title, prompt, about in [
            ("Fix login redirects", "please fix the redirect after the login", True),
            ("Build performance analysis", "Why is the build slow?", True),
            ("I can help you with that", "fix the login bug", False),
            ("Title for the session", "fix the login bug", False),
            ("修复登录错误", "fix the login bug", True),
            ("Anything goes", "", True),
        ]:
            self.assertEqual(is_about(title, prompt), about, title)
