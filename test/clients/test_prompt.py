"""What a request asks, over every dialect."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.prompt import NewTexts, conversation_of, new_texts, words_of


def of(**body: Any) -> NewTexts:
    """Return what a request asks."""
    return new_texts(conversation_of(body))


def user(*texts: str) -> dict[str, Any]:
    """Make a message of text blocks."""
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


class AskedTests(SynchronousTestCase):
    """What stands behind the model's last words."""

    def test_prompts(self) -> None:
        """The user's last words, wherever the dialect has them."""
        reminder = "<system-reminder>\nctx\n</system-reminder>"
        codex = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "fix"}],
            "internal_chat_message_metadata_passthrough": {"content_item_kinds": ["user.text"]},
        }
        context = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "<environment_context><cwd>/x</cwd></environment_context>"}],
        }
        rules = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "be kind"}]}
        for asked_of in (
            of(messages=[user(reminder, "fix")]),
            of(messages=[user("fix"), {"role": "system", "content": "agent types: ..."}]),
            of(messages=[{"role": "system", "content": "you are"}, {"role": "user", "content": "fix"}]),
            of(messages=[user("old"), {"role": "assistant", "content": "ok"}, user("fix")]),
            of(input=[rules, context, codex]),
            of(input="fix"),
            of(input=["fix"]),
            of(
                contents=[
                    {"role": "user", "parts": [{"text": "<session_context>x</session_context>"}, {"text": "fix"}]}
                ]
            ),
            of(request={"contents": [{"role": "user", "parts": [{"text": "fix"}]}]}, model="m"),
            of(messages=[{"role": "user", "content": [{"text": "fix"}]}]),
            of(prompt="fix"),
            of(message="fix", chat_history=[{"role": "USER", "message": "old"}]),
        ):
            self.assertEqual(asked_of, NewTexts("fix", ""))

    def test_results(self) -> None:
        """What the tools gave, wherever the dialect has it."""
        call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]}
        for asked_of in (
            of(messages=[user("x"), call, {"role": "user", "content": [{"type": "tool_result", "content": "a.py"}]}]),
            of(
                messages=[
                    call,
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "content": [{"type": "text", "text": "a.py"}]}],
                    },
                ]
            ),
            of(messages=[{"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "a.py"}]),
            of(input=[{"type": "function_call", "name": "x"}, {"type": "function_call_output", "output": "a.py"}]),
            of(input=[{"type": "function_call"}, {"type": "function_call_output", "output": '{"output": "a.py"}'}]),
            of(
                contents=[
                    {"role": "model", "parts": [{"functionCall": {"name": "ls"}}]},
                    {"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {"output": "a.py"}}}]},
                ]
            ),
            of(messages=[{"role": "user", "content": [{"toolResult": {"content": [{"text": "a.py"}]}}]}]),
            of(
                messages=[
                    call,
                    user("[list_files for '.'] Result:", "a.py", "<environment_details>x</environment_details>"),
                ]
            ),
        ):
            self.assertEqual(asked_of, NewTexts("", "a.py"))

    def test_attached_files(self) -> None:
        """Files that an agent attaches to the user's words are not the user's words."""
        google = {"text": "explain @a.py"}, {"text": "\n--- Content from referenced files ---"}, {"text": "print(1)"}
        for asked_of in (
            of(contents=[{"role": "user", "parts": [*google, {"text": "\n--- End of content ---"}]}]),
            of(messages=[user("explain @a.py", "Called the Read tool with the following input: {}", "<file>\nx")]),
            of(messages=[user("Called the list tool with the following input: {}", "a/", "explain @a.py")]),
            of(messages=[user("explain @a.py", "[Image: source: /tmp/x.png]")]),
        ):
            self.assertEqual(asked_of, NewTexts("explain @a.py", ""))
        item = user("it", "Reading MCP resource: x (y)", "text", "now")
        self.assertEqual(words_of(item), ["it", "now"])

    def test_commands_that_stand_for_prompts(self) -> None:
        """The command is what the user said; behind a command of the agent's own, the user goes on."""
        init = "<command-message>init is analyzing...</command-message>\n<command-name>/init</command-name>"
        self.assertEqual(of(messages=[user(init, "Please analyze this codebase")]), NewTexts("/init", ""))
        self.assertEqual(words_of(user(init, "Please analyze this codebase")), ["/init"])
        model = "<command-name>/model</command-name>\n<command-message>model</command-message>"
        shown = "<local-command-stdout>Set model</local-command-stdout>"
        self.assertEqual(of(messages=[user(model, shown, "fix it")]), NewTexts("fix it", ""))

    def test_results_in_a_frame(self) -> None:
        """What agents put around every result is left out of the line, and so are the names of types."""
        call = {"type": "function_call"}
        for output, said in (
            ("<untrusted_context>\nOutput: héllo\nProcess Group PGID: 160\n</untrusted_context>", "héllo"),
            ("Command: cat a\nDirectory: (root)\nOutput: hi\nError: (none)", "Command: cat a Output: hi"),
            ('[{"query": "cat a", "result": "héllo", "success": true}, {"result": "b"}]', "héllo b"),
            ("[{broken", "[{broken"),
            ([{"type": "document", "document": {"data": "a.py"}}], "a.py"),
        ):
            body = of(input=[call, {"type": "function_call_output", "output": output}])
            self.assertEqual(body, NewTexts("", said))

    def test_pictures_say_nothing(self) -> None:
        """What stands beside them is the result; their bytes, and what holds them, are not."""
        call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Read", "input": {}}]}
        source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
        picture = {"type": "image", "source": source}
        for pieces, said in (([picture, {"type": "text", "text": "a shot"}], "a shot"), ([picture], "")):
            body = of(messages=[call, {"role": "user", "content": [{"type": "tool_result", "content": pieces}]}])
            self.assertEqual(body, NewTexts("", said))
        google = {"inlineData": {"mimeType": "image/png", "data": "iV"}}
        for piece in (google, {"type": "input_image", "image_url": "data:"}):
            body = of(input=[{"type": "function_call"}, {"type": "function_call_output", "output": [piece]}])
            self.assertEqual(body, NewTexts("", ""))

    def test_both(self) -> None:
        """A user who speaks while the tools work is heard."""
        message = {
            "role": "user",
            "content": [{"type": "tool_result", "content": "a"}, {"type": "text", "text": "stop"}],
        }
        self.assertEqual(of(messages=[message]), NewTexts("stop", "a"))

    def test_odd_bodies(self) -> None:
        """Nothing is asked by what is no conversation."""
        for body in (
            {},
            {"messages": None},
            {"messages": [None, 1, {"role": 5, "content": {"text": 1}}]},
            {"input": 7},
        ):
            self.assertEqual(new_texts(conversation_of(body)), NewTexts())


class WordTests(SynchronousTestCase):
    """The user's own words of one item."""

    def test_words(self) -> None:
        reminder = "<system-reminder>\nctx\n</system-reminder>"
        self.assertEqual(words_of(user(reminder, "fix", "[read_file for 'a'] Result: x", "it")), ["fix", "it"])
        result = {"role": "user", "content": [{"type": "tool_result", "content": "out"}]}
        self.assertEqual(
            (words_of(result), words_of({"role": "system", "content": "x"}), words_of(None)), ([], [], [])
        )
