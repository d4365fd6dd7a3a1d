"""Turns whose cache cause is known, as their maker brought it about: thousands of them, of every kind."""

import random
from collections.abc import Callable
from typing import Any

import attr

from test.insight.agent import Claude, Recorder, code, prose, text, tool, use
from test.insight.provider import AnthropicCache, AutomaticCache

Case = tuple[dict[str, Any], str]


@attr.define
class Turns:
    """Makes sessions of calls; `expected` holds the verdict of each record by session and number."""

    seed: int
    recorder: Recorder = attr.field(factory=Recorder)
    expected: dict[tuple[str, int], tuple[str, str]] = attr.field(factory=dict)

    def make(self, count: int) -> None:
        """Make sessions until there are so many judged turns."""
        number = 0
        while len(self.expected) < count:
            rng = random.Random(self.seed * 100_003 + number)
            maker = _Responses if number % 5 == 4 else _Messages
            maker(self, f"s{number}", rng).run()
            number += 1

    def note(self, record: dict[str, Any], verdict: str, cause: str = "") -> None:
        """Remember what a call has to be judged as."""
        self.expected[record["session_id"], record["seq"]] = (verdict, cause)


class _Messages:
    """A session of Claude Code: each turn brings about one cause."""

    def __init__(self, turns: Turns, session: str, rng: random.Random) -> None:
        self.turns, self.rng = turns, rng
        self.cache = AnthropicCache(minimum=rng.choice([512, 1024]))
        hour = rng.random() < 0.3
        self.agent = Claude(
            turns.recorder,
            self.cache,
            session,
            rng,
            ttl="1h" if hour else None,
            now_s=1_790_000_000 + rng.randrange(10**7),
        )
        self.life = 3600 if hour else 300
        self.agent.tools = [tool(f"Tool{n}", rng) for n in range(rng.randrange(8, 40))]
        self.agent.system = ["You are an agent.", prose(rng, rng.randrange(400, 4000))]
        self.joined = 0

    def run(self) -> None:
        agent = self.agent
        self.work()
        agent.say(prose(self.rng, 30), prose(self.rng, 400))
        self.turns.note(self.answer(), "cold", "cold")
        causes = list(_CAUSES)
        for _ in range(self.rng.randrange(6, 22)):
            self.step()
            cause = self.rng.choices(causes, [_CAUSES[each][1] for each in causes])[0]
            _CAUSES[cause][0](self)

    def work(self) -> None:
        self.agent.now_s += self.rng.uniform(3, 100)

    def step(self) -> None:
        """Let the conversation grow by results of tools, or by a message."""
        self.work()
        last = self.agent.messages[-1]["content"]
        called = [block["id"] for block in last if block["type"] == "tool_use"]
        if called:
            self.agent.results(*((each, code(self.rng, self.rng.randrange(3, 60))) for each in called))
        else:
            self.agent.say(prose(self.rng, self.rng.randrange(5, 50)))

    def answer(self, **more: Any) -> dict[str, Any]:
        self.joined += 1
        if self.rng.random() < 0.6:
            blocks = [use("Tool0", {"file_path": f"/src/{prose(self.rng, 1)}.py"}, f"toolu_{self.joined}")]
        else:
            blocks = [text(prose(self.rng, 40))]
        return self.agent.ask(blocks, took_s=self.rng.uniform(1, 8), **more)

    def hit(self) -> None:
        self.turns.note(self.answer(), "hit")

    def tools_added(self) -> None:
        new = [tool(f"mcp__linear__t{self.joined}_{n}", self.rng) for n in range(self.rng.randrange(1, 5))]
        self.agent.tools = [*self.agent.tools, *new] if self.rng.random() < 0.5 else [*new, *self.agent.tools]
        self.turns.note(self.answer(), "changed", "tools")

    def tools_removed(self) -> None:
        at = self.rng.randrange(len(self.agent.tools))
        self.agent.tools = self.agent.tools[:at] + self.agent.tools[at + 1 :]
        self.turns.note(self.answer(), "changed", "tools")

    def tools_reordered(self) -> None:
        self.agent.tools = [*self.agent.tools[1:], self.agent.tools[0]]
        self.turns.note(self.answer(), "changed", "tools")

    def tool_edited(self) -> None:
        at = self.rng.randrange(len(self.agent.tools))
        edited = {**self.agent.tools[at], "description": prose(self.rng, 50)}
        self.agent.tools = [*self.agent.tools[:at], edited, *self.agent.tools[at + 1 :]]
        self.turns.note(self.answer(), "changed", "tools")

    def system_edited(self) -> None:
        words = self.agent.system[1].split()
        words[self.rng.randrange(len(words))] = "edited" + str(self.joined)
        self.agent.system = [self.agent.system[0], " ".join(words)]
        self.turns.note(self.answer(), "changed", "system")

    def message_edited(self) -> None:
        """Edit a message that both prompts hold, before the breakpoint of the earlier one."""
        users = [n for n, each in enumerate(self.agent.messages[:-2]) if each["role"] == "user"]
        if not users or self._tokens_behind(users[0]) < 3000:
            return self.hit()
        at = self.rng.choice(users[: max(1, len(users) // 2)])
        content = [dict(block) for block in self.agent.messages[at]["content"]]
        if content[-1]["type"] == "tool_result":
            content[-1]["content"] = "[Old tool result content cleared]"
        else:
            content[-1]["text"] += " edited"
        self.agent.messages[at] = {"role": "user", "content": content}
        if self._tokens_behind(at) < 3000:
            self.answer()
            return None
        return self.turns.note(self.answer(), "changed", "messages")

    def _tokens_behind(self, at: int) -> int:
        from test.insight.provider import flatten

        blocks = flatten(self.agent.body(), self.agent.model)
        return sum(block.tokens for block in blocks if at <= block.message < len(self.agent.messages) - 2)

    def model_switched(self) -> None:
        self.agent.model = "claude-sonnet-5-5" if self.agent.model == "claude-opus-5-5" else "claude-opus-5-5"
        self.turns.note(self.answer(), "changed", "model")

    def speed_changed(self) -> None:
        self.agent.more = {
            **self.agent.more,
            "speed": "standard" if self.agent.more.get("speed") == "fast" else "fast",
        }
        self.turns.note(self.answer(), "changed", "speed")

    def thinking_changed(self) -> None:
        if self._tokens_behind(0) < 3000:
            return self.hit()
        budget = 1024 + 1000 * self.joined
        self.agent.more = {**self.agent.more, "thinking": {"type": "enabled", "budget_tokens": budget}}
        return self.turns.note(self.answer(), "changed", "thinking")

    def waited(self) -> None:
        self.agent.now_s += self.life + self.rng.uniform(1, 4000)
        self.turns.note(self.answer(), "expired", "expired")

    def nearly_waited(self) -> None:
        record = self.agent.recorder.records[-1]
        from ccsproxy.insight.collect import milliseconds

        self.agent.now_s = milliseconds(record["started_at"]) / 1000 + self.life - self.rng.uniform(15, 60)
        self.turns.note(self.answer(), "hit")

    def compacted(self) -> None:
        summary = "This session is being continued from a previous conversation that ran out of context.\n" + prose(
            self.rng, 300
        )
        if self._tokens_behind(0) < 4000:
            return self.hit()
        self.agent.messages = [{"role": "user", "content": [text(summary), text(prose(self.rng, 20))]}]
        return self.turns.note(self.answer(), "rewritten", "rewritten")

    def evicted(self) -> None:
        self.cache.entries.clear()
        self.turns.note(self.answer(), "miss", "server_side")

    def unmarked(self) -> None:
        self.agent.mark_messages = self.agent.mark_system = False
        self.turns.note(self.answer(), "unset", "unset")
        self.agent.mark_messages = self.agent.mark_system = True
        self.step()
        self.answer()

    def broken_off(self) -> None:
        record = self.answer(outcome="client_disconnected", usage={"input_tokens": None})
        record["usage"] = None
        self.turns.note(record, "unknown", "not_counted")
        self.agent.messages.pop()
        self.agent.messages.append({"role": "assistant", "content": [text("(stopped)")]})

    def side_call(self) -> None:
        record = self.agent.title(prose(self.rng, 20))
        self.turns.note(record, "unset", "unset")
        self.hit()

    def many_results(self) -> None:
        """Add more blocks than are looked back at, each a position of its own."""
        self.agent.messages[-1]["content"] += [text(prose(self.rng, 6)) for _ in range(30)]
        held = self.agent.mark_system
        self.turns.note(self.answer(), "partial" if held else "miss", "look_back")

    def other_account(self) -> None:
        self.agent.account = f"account-{self.joined}"
        self.turns.note(self.answer(), "miss", "other_account")

    def sub_agent(self) -> None:
        """Let a sub-agent of the same tools speak in between."""
        other = Claude(
            self.turns.recorder,
            self.cache,
            self.agent.session,
            self.rng,
            now_s=self.agent.now_s,
            agent=f"agent{self.joined}",
            tools=self.agent.tools,
            system=["You are an agent for Claude Code."],
            account=self.agent.account,
            ttl=self.agent.ttl,
            more=self.agent.more,
            model=self.agent.model,
        )
        other.say(prose(self.rng, 20))
        other.ask([text(prose(self.rng, 30))])
        self.agent.now_s = other.now_s
        self.hit()


_CAUSES: dict[str, tuple[Callable[[_Messages], Any], int]] = {
    name: (getattr(_Messages, name), weight)
    for name, weight in {
        "hit": 6,
        "tools_added": 2,
        "tools_removed": 2,
        "tools_reordered": 1,
        "tool_edited": 2,
        "system_edited": 2,
        "message_edited": 2,
        "model_switched": 1,
        "speed_changed": 1,
        "thinking_changed": 1,
        "waited": 3,
        "nearly_waited": 1,
        "compacted": 1,
        "evicted": 2,
        "unmarked": 1,
        "broken_off": 1,
        "side_call": 1,
        "many_results": 1,
        "other_account": 1,
        "sub_agent": 1,
    }.items()
}


class _Responses:
    """A session of a program on OpenAI's Responses API, whose cache works by itself."""

    def __init__(self, turns: Turns, session: str, rng: random.Random) -> None:
        self.turns, self.session, self.rng = turns, session, rng
        self.cache = AutomaticCache()
        self.now_s = 1_790_000_000 + rng.randrange(10**7)
        tools = [
            {
                "type": "function",
                **{("parameters" if k == "input_schema" else k): v for k, v in tool(f"t{n}", rng).items()},
            }
            for n in range(rng.randrange(4, 12))
        ]
        self.body: dict[str, Any] = {
            "model": "gpt-5.4",
            "instructions": prose(rng, 1500),
            "tools": tools,
            "input": [],
        }

    def run(self) -> None:
        self.grow(60)
        self.turns.note(self.ask(), "cold")
        makers = [self.hit, self.hit, self.changed_tools, self.changed_text, self.waited, self.evicted, self.effort]
        for _ in range(self.rng.randrange(5, 12)):
            self.now_s += self.rng.uniform(3, 60)
            self.grow(300)
            self.rng.choice(makers)()

    def grow(self, words: int) -> None:
        self.body["input"] = [
            *self.body["input"],
            {"role": "user", "content": [{"type": "input_text", "text": prose(self.rng, words)}]},
        ]

    def ask(self) -> dict[str, Any]:
        said = prose(self.rng, 30)
        usage = {**self.cache.ask(self.body, self.now_s), "output_tokens": 30}
        output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}]
        record = self.turns.recorder.keep(
            self.session,
            self.now_s,
            dict(self.body),
            {"output": output},
            usage,
            upstream="openai",
            dialect="openai_responses",
            client={"name": "openai-python", "version": "3.57.0"},
        )
        self.body["input"] = [*self.body["input"], output[0]]
        return record

    def hit(self) -> None:
        self.turns.note(self.ask(), "hit")

    def changed_tools(self) -> None:
        self.body["tools"] = [*self.body["tools"][1:]] or self.body["tools"]
        self.turns.note(self.ask(), "changed", "tools")

    def changed_text(self) -> None:
        self.body["instructions"] = "Now. " + self.body["instructions"]
        self.turns.note(self.ask(), "changed", "system")

    def effort(self) -> None:
        self.body["reasoning"] = {"effort": self.rng.choice(["low", "medium", "high"]) + str(self.rng.randrange(99))}
        self.turns.note(self.ask(), "changed", "reasoning.effort")

    def waited(self) -> None:
        self.now_s += 700 + self.rng.uniform(0, 9000)
        self.turns.note(self.ask(), "expired", "expired")

    def evicted(self) -> None:
        self.cache.entries.clear()
        self.turns.note(self.ask(), "miss", "server_side")
