"""Following what a request continues."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.continuation import previous_answer, with_context


def record(seq: int, text: Any, context: int | None = None, **more: Any) -> dict[str, Any]:
    body = {"type": "response.create", "input": text, **more}
    answer = {"output": [{"type": "message", "role": "assistant", "content": f"answer {seq}"}]}
    return {
        "seq": seq,
        "request": {"body": body, **({"context": context} if context is not None else {})},
        "response": {"body_reassembled": answer},
    }


class WithContext(SynchronousTestCase):
    """What the model was given in all."""

    def setUp(self) -> None:
        self.records = {
            1: record(1, [], instructions="be brief", tools=[{"name": "shell"}]),
            2: record(2, "one", 1),
            4: record(4, [{"type": "message", "role": "user", "content": "two"}], 2, instructions="be long"),
        }

    def texts(self, seq: int) -> list[Any]:
        body = with_context(self.records[seq], self.records.__getitem__)["request"]["body"]
        return [item["content"] for item in body["input"]]

    def test_whole_chain_in_order(self) -> None:
        self.assertEqual(self.texts(4), ["answer 1", "one", "answer 2", "two"])

    def test_what_is_left_out_is_inherited_and_what_is_said_wins(self) -> None:
        body = with_context(self.records[4], self.records.__getitem__)["request"]["body"]
        self.assertEqual((body["instructions"], body["tools"]), ("be long", [{"name": "shell"}]))

    def test_record_is_not_touched(self) -> None:
        with_context(self.records[4], self.records.__getitem__)
        self.assertEqual(len(self.records[4]["request"]["body"]["input"]), 1)

    def test_nothing_to_follow(self) -> None:
        for plain in (self.records[1], {}, {"request": None}, {"request": {"body": [1], "context": 3}}):
            self.assertIs(with_context(plain, self.records.__getitem__), plain)

    def test_chain_that_broke_off_says_where(self) -> None:
        del self.records[1]
        body = with_context(self.records[4], self.records.__getitem__)["request"]["body"]
        self.assertEqual((body["_missing_context"], self.texts(4)), (1, ["one", "answer 2", "two"]))

    def test_chain_that_leads_forward_or_to_itself_ends(self) -> None:
        self.records[2]["request"]["context"] = 4
        self.assertEqual(self.texts(4), ["one", "answer 2", "two"])

    def test_messages_of_a_thread(self) -> None:
        """A message thread goes on with the answer as the model's message, and the system prompt of its beginning."""
        first: dict[str, Any] = {"role": "user", "content": "one"}
        answer = {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "text", "text": "yes"}]}
        records = {
            1: {
                "seq": 1,
                "request": {"body": {"system": "be brief", "messages": [first], "thread": {"type": "create"}}},
                "response": {"body_reassembled": answer},
            },
            2: {"seq": 2, "request": {"body": {"messages": [{"role": "user", "content": "two"}]}, "context": 1}},
        }
        body = with_context(records[2], records.__getitem__)["request"]["body"]
        self.assertEqual([message["role"] for message in body["messages"]], ["user", "assistant", "user"])
        self.assertEqual((body["system"], body["messages"][1]["content"]), ("be brief", answer["content"]))


class PreviousAnswer(SynchronousTestCase):
    """How a request names what it continues."""

    def test_names(self) -> None:
        for body, wanted in (
            ({"previous_response_id": "r1"}, "r1"),
            ({"previous_interaction_id": "i1"}, "i1"),
            ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "msg_1"),
            ({"thread": {"type": "create"}}, ""),
            ({"thread": [1], "previous_response_id": None}, ""),
            (None, ""),
        ):
            self.assertEqual(previous_answer(body), wanted)
