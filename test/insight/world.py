"""A few days of ordinary work, 160 calls of five programs, with what is true of them.

It holds what users ask about: a server of tools that joins, a system prompt that changes, a long pause, retries, an
abort, stalls, images, a result of 76 KB that every later call repeats, sub-agents side by side, a compaction.
"""

import pickle
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import attr

from test.insight.agent import EPOCH_S, Claude, Recorder, code, png, prose, text, tool, use
from test.insight.provider import AnthropicCache, AutomaticCache
from test.made_once import made_once

MAIN, SECOND, LONG, CODEX, GEMINI, OTHER_GEMINI, SDK = (
    f"{name}-0000-4000-8000-000000000000"
    for name in ("8231d7cf", "1f9b22aa", "c0ffee00", "0d3ccc77", "6e317171", "6e317272", "5dca11ed")
)
CLAUDE_MD = (
    "# claudeMd\nContents of /home/dev/webshop/CLAUDE.md (project instructions, checked into the codebase):\n\n"
)
BUILTIN = (
    "Agent Bash Read Edit Write Glob Grep NotebookEdit WebFetch WebSearch TodoWrite ExitPlanMode "
    "EnterPlanMode AskUser KillShell BashOutput Skill Monitor SlashCommand LSP"
).split()
POSTGRES = [
    f"mcp__postgres__{name}" for name in "query schema explain tables indexes locks roles stats vacuum size".split()
]
GITHUB = [f"mcp__github__{name}" for name in "pr issue diff review merge search file branch commit release".split()]
LINEAR = [f"mcp__linear__{name}" for name in ("get_issue", "update_issue", "list_issues", "search")]


@attr.define
class Truth:
    """What is true of a session.

    :ivar turns: for each turn its prompt, and for each step ``(seq, retries, {call id: sub-agent's seqs})``.
    :ivar kinds: tokens by kind of the prompts of some calls, by number.
    :ivar tools: tokens of the tool definitions of a call by server, by number.
    """

    turns: list[tuple[str, list[Any]]] = attr.field(factory=list)
    aside: list[int] = attr.field(factory=list)
    marks: list[tuple[str, int]] = attr.field(factory=list)
    verdicts: dict[int, tuple[str, str]] = attr.field(factory=dict)
    kinds: dict[int, dict[str, int]] = attr.field(factory=dict)


@attr.define
class World:
    """The records and the truth about them."""

    recorder: Recorder = attr.field(factory=Recorder)
    truths: dict[str, Truth] = attr.field(factory=dict)

    @property
    def records(self) -> list[dict[str, Any]]:
        return sorted(self.recorder.records, key=lambda record: record["started_at"])


def make_world(seed: int = 1) -> World:
    """Return the days; whoever asks has them for themselves."""
    return pickle.loads(_pickled(seed))  # type: ignore[no-any-return]


@cache
def _pickled(seed: int) -> bytes:
    return made_once(f"world-{seed}", _writer(seed)).read_bytes()


def _writer(seed: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(pickle.dumps(_make(seed)))

    return write


def _make(seed: int) -> World:
    world = World()
    cache = AnthropicCache(minimum=512)
    _Main(world, cache, random.Random(seed)).run()
    _second(world, cache, random.Random(seed + 1))
    _long(world, cache, random.Random(seed + 2))
    _codex(world, random.Random(seed + 3))
    _gemini(world, random.Random(seed + 4), GEMINI, EPOCH_S + 600)
    _gemini(world, random.Random(seed + 5), OTHER_GEMINI, EPOCH_S - 2 * 86400)
    _sdk(world, random.Random(seed + 6))
    return world


class _Main:
    """The dear session: 12 turns in which much goes wrong."""

    def __init__(self, world: World, cache: AnthropicCache, rng: random.Random) -> None:
        self.world, self.cache, self.rng = world, cache, rng
        self.truth = world.truths[MAIN] = Truth()
        self.agent = Claude(world.recorder, cache, MAIN, rng)
        self.agent.tools = [tool(name, rng, 90) for name in [*BUILTIN, *POSTGRES, *GITHUB]]
        self.agent.system = [
            "You are Claude Code.",
            prose(rng, 2500) + "\nPrimary working directory: /home/dev/webshop",
        ]
        self.ids = 0

    def turn(self, words: str, reminder: str = "") -> None:
        self.agent.say(words, reminder)
        self.truth.turns.append((words, []))

    def step(
        self, *blocks: dict[str, Any], retries: tuple[int, ...] = (), agents: Any = None, **more: Any
    ) -> dict[str, Any]:
        kinds = self.agent.true_kinds()
        record = self.agent.ask(list(blocks), **more)
        self.truth.kinds[record["seq"]] = kinds
        self.truth.turns[-1][1].append((record["seq"], list(retries), agents or {}))
        return record

    def call(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self.ids += 1
        return use(name, given, f"toolu_{self.ids:03}")

    def work(self, name: str, given: dict[str, Any], result: Any, wait: float = 1.0, **more: Any) -> None:
        """Make a step that calls a tool, and let the tool answer."""
        asked = self.call(name, given)
        self.step(asked, **more)
        self.agent.now_s += wait
        self.agent.results((asked["id"], result))

    def think(self, seconds: float = 20.0) -> None:
        self.agent.now_s += seconds

    def done(self, words: int = 60, **more: Any) -> None:
        self.step(text(prose(self.rng, words)), **more)

    def run(self) -> None:
        rng = self.rng
        keep = self.world.recorder.keep
        head = keep(
            MAIN, self.agent.now_s - 1, None, None, None, category="other", client=self.agent.who(), dialect=None
        )
        title = self.agent.title("Customers are refunded twice")
        self.truth.aside = [head["seq"], title["seq"]]
        self.turn(
            "Customers are refunded twice when Stripe retries its webhook. Find out why.",
            CLAUDE_MD + prose(rng, 700) + "\n# currentDate\nToday is 2026-11-30.",
        )
        self.work("Read", {"file_path": "src/webhook.py"}, code(rng, 120))
        self.agents()
        self.done()
        self.think()
        self.turn("also look at the ledger")
        self.work(
            "Bash",
            {"command": "cat .env"},
            "STRIPE_KEY=<redacted>\nDB_PASSWORD=<redacted>\n" + code(rng, 10),
        )
        secrets = [{"kind": kind, "where": "messages", "count": 1} for kind in ("stripe-key", "password")]
        self.agent.capture = {"redactions": 2, "outbound_secrets": secrets}
        self.work("mcp__postgres__query", {"query": "select * from ledger"}, code(rng, 1900)[:76_000], 3.0)
        self.done(response={"stream": {"text": "", "chunks": [[400, 10], [900, 10], [3500, 90], [3600, 9]]}})
        self.think()
        self.turn("why did the test fail")
        self.images()
        self.done(ttft_ms=3200.0, took_s=4.0)
        self.think()
        self.turn("run it again")
        self.overloaded()
        self.think()
        self.turn("use linear for this")
        self.agent.tools = [*self.agent.tools, *(tool(name, rng, 90) for name in LINEAR)]
        record = self.step(asked := self.call("mcp__linear__get_issue", {"query": "SHOP-12"}))
        self.truth.verdicts[record["seq"]] = ("changed", "tools")
        self.truth.marks.append(("tools", record["seq"]))
        self.agent.results((asked["id"], prose(rng, 200)))
        self.done()
        self.think()
        for words in ("now fix the handler", "and the ledger"):
            self.turn(words)
            for _ in range(2):
                self.work("Edit", {"file_path": "src/webhook.py"}, "ok")
            self.work("Read", {"file_path": "src/webhook.py"}, code(rng, 120))
            self.done()
            self.think()
        self.turn("stop, not that way")
        kinds = self.agent.true_kinds()
        record = self.agent.ask([text("Let me")], took_s=1.0, outcome="client_disconnected")
        record["usage"] = None
        self.truth.turns[-1][1].append((record["seq"], [], {}))
        self.truth.kinds[record["seq"]] = kinds
        self.agent.messages.pop()
        self.think()
        self.turn("write the migration instead")
        self.agent.system = [self.agent.system[0], "Reply in English. " + self.agent.system[1]]
        record = self.step(asked := self.call("Write", {"file_path": "migrations/7.sql"}))
        self.truth.verdicts[record["seq"]] = ("changed", "system")
        self.truth.marks.append(("system", record["seq"]))
        self.agent.results((asked["id"], "ok"))
        self.done()
        self.think()
        self.turn("explain it")
        self.limited()
        self.think(360)
        self.turn("thanks, run all tests")
        record = self.step(asked := self.call("Bash", {"command": "make test"}))
        self.truth.verdicts[record["seq"]] = ("expired", "")
        self.truth.marks.append(("pause", record["seq"]))
        self.agent.results((asked["id"], code(rng, 200)))
        self.agent.now_s += 14
        self.done()
        self.think()
        self.turn("commit")
        self.work("Bash", {"command": "git commit -m 'Refund once'"}, "1 file changed")
        self.done(20)

    def images(self) -> None:
        """Look at two pictures: one that the user sent, one that a tool returned."""
        shown = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(800, 600)}}
        self.agent.messages[-1]["content"].insert(0, shown)
        result = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(400, 300)}}
        self.work("Read", {"file_path": "shot.png"}, [text("a screenshot"), result])

    def overloaded(self) -> None:
        """Answer twice with 529, then well."""
        first = self.agent.fail(529)
        self.agent.now_s += 2.0
        second = self.agent.fail(529)
        self.agent.now_s += 6.0
        self.done(retries=(first["seq"], second["seq"]))

    def limited(self) -> None:
        """Answer once with 429 and a time to wait."""
        # The window ends in 2100, so that it is open whenever somebody looks.
        stem = "anthropic-ratelimit-unified-5h-"
        said = {"retry-after": "4", f"{stem}utilization": "0.61", f"{stem}reset": "4102444800"}
        first = self.agent.fail(429, said=said)
        self.agent.now_s += 4.0
        self.done(retries=(first["seq"],))

    def agents(self) -> None:
        """Begin two sub-agents side by side; their reports come back together."""
        tasks = ["find all callers of refund()", "find every test of the webhook"]
        asked = [
            self.call("Agent", {"description": "look", "prompt": task, "subagent_type": "Explore"}) for task in tasks
        ]
        begun = self.step(*asked)
        made = []
        for number, task in enumerate(tasks):
            other = Claude(
                self.world.recorder,
                self.cache,
                MAIN,
                self.rng,
                agent=f"a{number}b2c3d4e5f60718{number}",
                now_s=self.agent.now_s + 0.01 * number,
                tools=self.agent.tools[:12],
                system=["You are an agent for Claude Code. " + prose(self.rng, 300)],
            )
            other.say(task, CLAUDE_MD + prose(self.rng, 200))
            made.append((other, []))
        for round_ in range(4):
            for other, seqs in made:
                blocks = (
                    [use("Grep", {"pattern": "refund"}, f"{other.agent}_{round_}")] if round_ < 3 else [text("found")]
                )
                seqs.append(other.ask(blocks, took_s=0.8)["seq"])
                if round_ < 3:
                    other.results((f"{other.agent}_{round_}", code(self.rng, 15)))
        self.agent.now_s = max(other.now_s for other, _ in made) + 0.1
        self.agent.results(
            *(
                (
                    each["id"],
                    [
                        text("report " + prose(self.rng, 50)),
                        text(f"agentId: {other.agent}\n<usage>subagent_tokens: 9</usage>"),
                    ],
                )
                for each, (other, _) in zip(asked, made, strict=True)
            )
        )
        self.truth.turns[-1][1][-1] = (
            begun["seq"],
            [],
            {each["id"]: seqs for each, (_, seqs) in zip(asked, made, strict=True)},
        )


def _second(world: World, cache: AnthropicCache, rng: random.Random) -> None:
    """Another project, with the next version of the client, whose system prompt differs; one-hour entries."""
    truth = world.truths[SECOND] = Truth()
    agent = Claude(
        world.recorder, cache, SECOND, rng, cwd="/home/dev/blog", version="2.1.198", ttl="1h", now_s=EPOCH_S + 1200
    )
    agent.tools = [tool(name, rng, 70) for name in BUILTIN]
    agent.system = ["You are Claude Code.", "Version two. " + prose(rng, 2400)]
    truth.aside.append(agent.title("Why is the build slow?", "claude-haiku-4-5")["seq"])
    for number, words in enumerate(
        (
            "Why is the build slow?",
            "cache the images",
            "write it down",
            "and the feed",
            "why",
            "go on",
            "publish",
            "thanks",
        )
    ):
        agent.say(words, CLAUDE_MD.replace("webshop", "blog") + prose(rng, 300) if not number else "")
        steps = []
        for n in range(3):
            asked = use("Bash", {"command": f"make {n}"}, f"toolu_b{number}{n}")
            steps.append((agent.ask([asked])["seq"], [], {}))
            agent.now_s += 2
            agent.results((asked["id"], code(rng, 30)))
        steps.append((agent.ask([text(prose(rng, 40))])["seq"], [], {}))
        truth.turns.append((words, steps))
        agent.now_s += 400
    truth.marks = []


def _long(world: World, cache: AnthropicCache, rng: random.Random) -> None:
    """A session that is compacted after its second turn."""
    truth = world.truths[LONG] = Truth()
    agent = Claude(
        world.recorder, cache, LONG, rng, cwd="/home/dev/webshop", now_s=EPOCH_S + 4000, model="claude-sonnet-5-5"
    )
    agent.tools = [tool(name, rng, 70) for name in BUILTIN]
    agent.system = ["You are Claude Code.", prose(rng, 2000)]

    def turn(words: str, count: int) -> None:
        steps = []
        for n in range(count):
            asked = use("Read", {"file_path": f"src/{n}.py"}, f"toolu_{len(agent.messages)}")
            steps.append((agent.ask([asked])["seq"], [], {}))
            agent.now_s += 1
            agent.results((asked["id"], code(rng, 80)))
        steps.append((agent.ask([text(prose(rng, 40))])["seq"], [], {}))
        truth.turns.append((words, steps))
        agent.now_s += 15

    agent.say("port the shop to the new API")
    turn("port the shop to the new API", 6)
    agent.say("go on")
    turn("go on", 6)
    agent.say("Your task is to create a detailed summary of the conversation so far.")
    summed = agent.ask([text(prose(rng, 300))])
    truth.aside.append(summed["seq"])
    agent.messages = [
        {
            "role": "user",
            "content": [
                text(
                    "This session is being continued from a previous conversation that ran out of context.\n"
                    + prose(rng, 400)
                ),
                text("and now the tests"),
            ],
        }
    ]
    first = sum(len(steps) for _, steps in truth.turns) + 2
    turn("and now the tests", 6)
    truth.verdicts[first] = ("rewritten", "")
    truth.marks.append(("compaction", first))


def _responses_body(model: str, rng: random.Random) -> dict[str, Any]:
    tools = [
        {"type": "function", "name": name, "description": prose(rng, 40), "parameters": {"type": "object"}}
        for name in ("exec_command", "apply_patch", "update_plan", "spawn_agent")
    ]
    return {"model": model, "instructions": prose(rng, 1500), "tools": tools, "input": [], "stream": True}


def _codex(world: World, rng: random.Random) -> None:
    """Codex: 20 calls in 5 turns."""
    truth = world.truths[CODEX] = Truth()
    cache, now_s = AutomaticCache(), EPOCH_S + 7000
    body = _responses_body("gpt-5.4", rng)
    body["input"] = [
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "<permissions instructions>" + prose(rng, 100)}],
        },
        {
            "type": "message",
            "role": "user",
            "content": [
                {
                    "type": "input_text",
                    "text": "# AGENTS.md instructions for /srv\n\n<INSTRUCTIONS>\n"
                    + prose(rng, 300)
                    + "\n</INSTRUCTIONS>",
                }
            ],
        },
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "<environment_context>\n<cwd>/srv/api</cwd>\n</environment_context>"}
            ],
        },
    ]
    for number in range(5):
        words = f"task {number}: {prose(rng, 12)}"
        body["input"] = [
            *body["input"],
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]},
        ]
        steps = []
        for n in range(4):
            joined = f"call_{number}_{n}"
            call = {
                "type": "function_call",
                "name": "exec_command",
                "call_id": joined,
                "arguments": '{"cmd": "make"}',
            }
            said = {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": prose(rng, 30)}],
            }
            output = [call] if n < 3 else [said]
            usage = {**cache.ask(body, now_s), "output_tokens": 40, "reasoning_tokens": 0}
            record = world.recorder.keep(
                CODEX,
                now_s,
                dict(body),
                {"output": output},
                usage,
                upstream="openai",
                dialect="openai_responses",
                client={"name": "codex", "version": "0.171.0", "thread": CODEX, "cwd": "/srv/api", "agent": "root"},
                said={
                    "x-codex-primary-used-percent": str(20 + number),
                    "x-codex-primary-window-minutes": "300",
                    "x-codex-primary-reset-at": str(int(EPOCH_S) + 18000),
                },
            )
            steps.append((record["seq"], [], {}))
            back = [{"type": "function_call_output", "call_id": joined, "output": code(rng, 20)}] if n < 3 else []
            body["input"] = [*body["input"], *output, *back]
            now_s += 4
        truth.turns.append((words, steps))
        now_s += 30


def _gemini(world: World, rng: random.Random, session: str, now_s: float) -> None:
    """Gemini CLI: ten calls, a routing call before each turn."""
    truth = world.truths[session] = Truth()
    contents: list[dict[str, Any]] = [
        {"role": "user", "parts": [{"text": "<session_context>\n" + prose(rng, 200) + "\n</session_context>"}]}
    ]
    client = {"name": "gemini-cli", "version": "0.61.0", "cwd": "/home/dev/maps"}
    for number in range(2):
        words = f"question {number}: {prose(rng, 9)}"
        route = {
            "model": "gemini-2.5-flash",
            "contents": [{"role": "user", "parts": [{"text": words}]}],
            "generationConfig": {"responseJsonSchema": {"properties": {"complexity_score": {"type": "integer"}}}},
        }
        usage = {
            "input_tokens": 40,
            "cache_read_input_tokens": None,
            "cache_creation_input_tokens": None,
            "output_tokens": 9,
        }
        kept = {"upstream": "gemini", "dialect": "gemini", "client": client}
        truth.aside.append(world.recorder.keep(session, now_s, route, {}, usage, **kept)["seq"])
        now_s += 1
        contents = [*contents, {"role": "user", "parts": [{"text": words}]}]
        steps = []
        for n in range(4):
            body = {
                "model": "gemini-3-pro",
                "systemInstruction": {"parts": [{"text": "You are Gemini CLI."}]},
                "tools": [
                    {
                        "functionDeclarations": [
                            {"name": "read_file", "description": "reads", "parametersJsonSchema": {}}
                        ]
                    }
                ],
                "contents": contents,
            }
            used = {
                "input_tokens": 500 + 100 * len(contents),
                "cache_read_input_tokens": None,
                "cache_creation_input_tokens": None,
                "output_tokens": 20,
            }
            parts = (
                [{"functionCall": {"name": "read_file", "args": {"absolute_path": f"/m/{n}.py"}}}]
                if n < 3
                else [{"text": "done"}]
            )
            answer = {"candidates": [{"content": {"role": "model", "parts": parts}}]}
            steps.append((world.recorder.keep(session, now_s, body, answer, used, **kept)["seq"], [], {}))
            contents = [*contents, {"role": "model", "parts": parts}]
            if n < 3:
                back = {"functionResponse": {"name": "read_file", "response": {"output": code(rng, 10)}}}
                contents = [*contents, {"role": "user", "parts": [back]}]
            now_s += 3
        truth.turns.append((words, steps))


def _sdk(world: World, rng: random.Random) -> None:
    """A program of the user's own: 21 questions on Chat Completions, one conversation of 3 and 18 single ones."""
    truth = world.truths[SDK] = Truth()
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Answer briefly."}]
    now_s = EPOCH_S + 9000
    kept = {"upstream": "openai", "dialect": "openai_chat", "client": {"name": "openai-python", "version": "3.57.0"}}
    for number in range(21):
        if number >= 3:
            messages = messages[:1]
        words = f"row {number}: {prose(rng, 8)}"
        messages = [*messages, {"role": "user", "content": words}]
        usage = {
            "input_tokens": 60,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": None,
            "output_tokens": 8,
        }
        answer = {"choices": [{"message": {"role": "assistant", "content": "fine"}}]}
        body = {"model": "gpt-5.4-mini", "messages": messages}
        truth.turns.append((words, [(world.recorder.keep(SDK, now_s, body, answer, usage, **kept)["seq"], [], {})]))
        messages = [*messages, answer["choices"][0]["message"]]
        now_s += 5
