"""Tests of choosing the recorded call that answers a request."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.mock.matching import EXACT, NEXT, PREFIX, ComparedCall, Matcher, compared_call
from test.effort import effort

PATH = "/v1/messages"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def result(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": text}]}


def call(*messages: Any, path: str = PATH, **more: Any) -> ComparedCall:
    return compared_call("POST", path, {"model": "m", "messages": list(messages), **more})


#: A session of two steps, with a call for its title before them.
TITLE = call(user("Fix it."), max_tokens=5)
FIRST = call(user("Fix it."), tools=[{"name": "Bash"}])
SECOND = call(user("Fix it."), model("I look."), result("12 ms"), tools=[{"name": "Bash"}])
SESSION = [TITLE, FIRST, SECOND]


class PrefixTests(SynchronousTestCase):
    """The default: an equal one, else the same conversation, else the one that begins alike for longest."""

    def chosen(self, matcher: Matcher, asked: ComparedCall) -> tuple[int, str] | None:
        found = matcher.choose(asked)
        return None if found is None else (found.number, found.how)

    def test_equal(self) -> None:
        matcher = Matcher(SESSION)
        self.assertEqual(
            [self.chosen(matcher, each) for each in reversed(SESSION)], [(2, "equal"), (1, "equal"), (0, "equal")]
        )
        self.assertEqual(matcher.left, [])

    def test_what_agents_and_tools_put_between(self) -> None:
        """Reminders, results of tools, marks of the cache and the system prompt may be others in another run."""
        again = call(
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>Today is Tuesday</system-reminder>"},
                    {"type": "text", "text": "Fix it.", "cache_control": {}},
                ],
            },
            model("I look."),
            result("13 ms"),
            tools=[{"name": "Bash"}],
            system="Other words",
        )
        self.assertEqual(self.chosen(Matcher(SESSION), again), (2, "alike"))

    def test_side_calls_are_told_apart(self) -> None:
        """Of two calls with one conversation the one that is likest in model, tools and schema."""
        matcher = Matcher(SESSION)
        self.assertEqual(self.chosen(matcher, call(user("Fix it."), tools=[{"name": "Read"}])), (1, "alike"))
        self.assertEqual(self.chosen(matcher, call(user("Fix it."), max_tokens=6)), (0, "alike"))

    def test_retries(self) -> None:
        """A request that failed and was repeated gets each answer in turn, and the last one from then on."""
        matcher = Matcher([FIRST, FIRST, FIRST])
        self.assertEqual(
            [self.chosen(matcher, FIRST) for _ in range(4)], [(0, "equal"), (1, "equal"), (2, "equal"), (2, "equal")]
        )

    def test_astray(self) -> None:
        """Who says something else gets the longest beginning once, and then nothing: no circle."""
        matcher = Matcher(SESSION)
        longer = call(user("Fix it."), model("I look."), result("x"), model("Something else."), result("y"))
        self.assertEqual(self.chosen(matcher, longer), (2, "begins alike"))
        self.assertEqual(
            [self.chosen(matcher, longer) for _ in range(3)], [(0, "begins alike"), (1, "begins alike"), None]
        )
        self.assertEqual(matcher.nearest(longer), 2)

    def test_something_else(self) -> None:
        matcher = Matcher(SESSION)
        self.assertIsNone(matcher.choose(call(user("Break it."))))
        self.assertIsNone(matcher.choose(call(user("Fix it."), path="/v1/other")))
        self.assertIsNone(matcher.nearest(call(path="/v1/other")))

    def test_without_a_conversation(self) -> None:
        """What asks no model is answered by what is equal, as often as it is asked."""
        models = compared_call("GET", "/v1/models?limit=9", None)
        matcher = Matcher([models])
        asked = [compared_call("GET", f"/v1/models{query}", None) for query in ("", "?limit=1")]
        self.assertEqual([self.chosen(matcher, each) for each in asked], [(0, "equal"), (0, "equal")])

    def test_messages_of_a_socket(self) -> None:
        """Increments hold results alone; they are given in their order, and a warming up for a warming up."""

        def said(body: Any) -> ComparedCall:
            return compared_call("MESSAGE", "/v1/responses", {"model": "g", **body})

        recorded = [
            said({"input": [], "generate": False}),
            said({"input": "Fix it."}),
            said({"input": [{"type": "function_call_output", "output": "a"}]}),
            said({"input": [{"type": "function_call_output", "output": "b"}]}),
        ]
        matcher = Matcher(recorded)
        asked = [
            said({"input": [], "generate": False, "x": 1}),
            said({"input": "Fix it.", "x": 1}),
            *(said({"input": [{"type": "function_call_output", "output": text}]}) for text in "cd"),
        ]
        self.assertEqual([self.chosen(matcher, each) for each in asked], [(number, "alike") for number in range(4)])


class OtherTests(SynchronousTestCase):
    """``exact`` and ``next``."""

    def test_exact(self) -> None:
        """The order of members is no difference; everything else is."""
        matcher = Matcher(SESSION, EXACT)
        turned = compared_call("POST", PATH, {"max_tokens": 5, "messages": [user("Fix it.")], "model": "m"})
        self.assertEqual(matcher.choose(turned).number, 0)  # type: ignore[union-attr]
        self.assertIsNone(matcher.choose(call(user("Fix it."), max_tokens=6)))

    def test_next(self) -> None:
        """Whatever is said, in the recorded order, each once."""
        matcher = Matcher(SESSION, NEXT)
        found = [matcher.choose(call(user(str(number)))) for number in range(4)]
        self.assertEqual([each and each.number for each in found], [0, 1, 2, None])

    @given(
        st.lists(st.sampled_from(["a", "b", "c"]), max_size=6),
        st.lists(st.sampled_from(["a", "b", "c"]), max_size=12),
        st.sampled_from([EXACT, PREFIX, NEXT]),
    )
    @settings(max_examples=effort(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_whatever_comes(self, recorded: list[str], asked: list[str], how: str) -> None:
        """An answer to an equal request where there is one; no call twice but to an equal request; all counted."""
        matcher, given_ = Matcher([call(user(text)) for text in recorded], how), list[int]()
        for text in asked:
            found = matcher.choose(call(user(text)))
            if how != NEXT:
                self.assertEqual(found is not None, text in recorded)
            if found is not None:
                if found.number in given_:
                    self.assertEqual((how != NEXT, recorded[found.number]), (True, text))
                given_.append(found.number)
        self.assertEqual(sorted(set(given_) | set(matcher.left)), list(range(len(recorded))))
