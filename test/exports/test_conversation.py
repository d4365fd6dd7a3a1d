"""Requests and answers as sections for reading."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.conversation import answer_section, request_sections


class ConversationTests(SynchronousTestCase):
    """What was said, in the order in which a person reads it."""

    def test_request(self) -> None:
        """System prompt, tools, messages, parameters; each only where there is one."""
        call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"c": 1}}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}
        body = {
            "system": "be brief",
            "tools": [{"name": "Bash", "description": "runs", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": "list"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ],
            "max_tokens": 5,
        }
        found = list(request_sections("anthropic", body))
        self.assertEqual([section.title for section in found], ["System prompt", "Tools", "Messages", "Parameters"])
        labels = [block.label for block in found[2].blocks]
        self.assertEqual(labels[:2], ["user", "assistant, tool call Bash t1"])
        self.assertIn("(failed)", labels[2])
        self.assertIn('"max_tokens": 5', found[3].blocks[0].text)

    def test_a_request_that_is_no_conversation(self) -> None:
        """Its members are the request."""
        (section,) = request_sections(None, {"input_file": "f"})
        self.assertEqual(section.title, "Request")

    def test_images(self) -> None:
        """An image is told, not shown."""
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
        (section,) = request_sections("anthropic", {"messages": [{"role": "user", "content": [image]}]})
        self.assertEqual(section.blocks[0].text, "[image, image/png, 3 bytes]")

    def test_answer(self) -> None:
        """The model's words, under its role."""
        section = answer_section("anthropic", {"role": "assistant", "content": [{"type": "text", "text": "Done."}]})
        self.assertEqual([(block.label, block.text) for block in section.blocks], [("assistant", "Done.")])
