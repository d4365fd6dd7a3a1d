"""The facts of a call: everything that insight needs from a record, without its bodies.

A record of 900 KB becomes a few hundred bytes of its own, plus what is new in its prompt: items of a prompt are
shared by all calls that repeat them. Everything in this package is computed from these values.
"""

from typing import Any

import msgspec

#: Raise it when facts that were kept by an older version may not be read as these.
VERSION = 3
#: How many characters of a text a fact quotes: for texts that people write and read, and for the input and output
#: of tools, of which there is far more.
QUOTE, TOOL_QUOTE = 400, 160


class Part(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One piece of a prompt or an answer, the unit to which tokens are attributed.

    :ivar kind: ``tool``, ``system``, ``instructions``, ``context`` (added by the client), ``user``, ``answer``,
        ``thinking``, ``tool_call``, ``tool_result``, ``image``, ``document`` or ``other``.
    :ivar name: the tool's name, or the path of an instructions file.
    :ivar detail: the file or command that a tool call or its result is about.
    :ivar tokens: an estimate, not yet scaled to what the provider counted.
    :ivar size: bytes of its text.
    :ivar id: the id that a tool call and its result share.
    :ivar quote: the beginning of its text, at most `QUOTE` or `TOOL_QUOTE` characters.
    :ivar failed: the tool failed.
    :ivar agent: the id of the sub-agent whose report this tool result is.
    :ivar digest: identifies the text of a user message or of a sub-agent's task; 0 for other kinds.
    :ivar source: the kind of the part that contains an image or a document; empty if it stands alone.
    """

    kind: str
    name: str = ""
    detail: str = ""
    tokens: int = 0
    size: int = 0
    id: str = ""
    quote: str = ""
    failed: bool = False
    agent: str = ""
    digest: int = 0
    source: str = ""


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One tool, one block of the system prompt or one message, as the prompt cache compares it.

    :ivar level: ``tools``, ``system`` or ``messages``: the order in which a prompt is built.
    :ivar digest: hash of its content without cache markers; equal content has equal digests.
    :ivar pieces: digests of its blocks, to locate a difference; empty for a single block.
    :ivar tokens: the estimate of all its parts.
    """

    level: str
    role: str
    digest: int
    parts: tuple[Part, ...]
    pieces: tuple[int, ...] = ()
    tokens: int = 0


class Breakpoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cache breakpoint: the request asks the prompt cache to store everything up to here.

    :ivar item: index among the call's items.
    :ivar piece: index of the block in the item.
    :ivar ttl_s: the requested lifetime in seconds.
    """

    item: int
    piece: int
    ttl_s: int


class Tokens(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What the provider counted; unknown is None (see `ccsproxy.exchange.usage.Usage`)."""

    input: int | None = None
    output: int | None = None
    read: int | None = None
    written: int | None = None
    written_5m: int | None = None
    written_1h: int | None = None
    reasoning: int | None = None

    @property
    def prompt(self) -> int | None:
        """The size of the prompt (uncached, read and written); None if the uncached part is unknown."""
        return None if self.input is None else self.input + (self.read or 0) + (self.written or 0)


class Rates(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """US dollars per million tokens at the time of the call; None if no list price is known."""

    input: float | None = None
    output: float | None = None
    read: float | None = None
    write_5m: float | None = None
    write_1h: float | None = None


class Secret(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """Secrets of one kind in one place of a request.

    :ivar tag: identifies the secret; empty if several are counted together.
    """

    kind: str
    where: str = ""
    count: int = 1
    tag: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What identifies the secret: its tag, or else its place."""
        return self.kind, self.tag or self.where


class Call(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One exchange.

    :ivar started_ms: milliseconds since the epoch.
    :ivar answering_ms: when the answer began, milliseconds after the start.
    :ivar stalls: ``(at, gap)`` of the longest silences within the stream, in milliseconds.
    :ivar settings: other request parameters that the prompt cache depends on, as short texts by name.
    :ivar items: the prompt, in the order in which it is built.
    :ivar known: whether the whole prompt is in the record.
    :ivar answer: the parts of the answer.
    :ivar prompt: the beginning of the user's own newest message; None if the call carries none.
    :ivar prompt_digest: of that message.
    :ivar prompt_at: index of the item that holds it.
    :ivar opening_digest: of the first message of the user, or of the agent that started a sub-agent.
    :ivar role: what the call is for: ``main``, ``title``, ``quota``, ``compaction``, ``classifier``, ``count`` or
        ``other``.
    :ivar limits: header fields about rate limits.
    :ivar diagnosis: what the provider reports about the cache.
    :ivar secrets: what was redacted.
    :ivar outbound: which of these secrets the request sent to the provider.
    :ivar at_least: the cost is a lower bound, because the call ended before its output was counted.
    """

    session_id: str
    seq: int
    id: str = ""
    started_ms: int
    duration_ms: float | None = None
    ttft_ms: float | None = None
    answering_ms: float | None = None
    max_gap_ms: float | None = None
    overhead_us: int | None = None
    stalls: tuple[tuple[float, float], ...] = ()
    upstream: str = ""
    dialect: str = ""
    category: str = "model"
    outcome: str = "complete"
    status: int | None = None
    stop_reason: str = ""
    error: str = ""
    partial: bool = False
    model: str = ""
    answered_by: str = ""
    client: str = ""
    version: str = ""
    agent: str = ""
    parent_agent: str = ""
    thread: str = ""
    agent_type: str = ""
    cwd: str = ""
    account: str = ""
    path: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    body_sha256: str = ""
    tokens: Tokens = Tokens()
    rates: Rates | None = None
    cost: float | None = None
    at_least: bool = False
    settings: dict[str, str] = {}
    items: tuple[Item, ...] = ()
    breakpoints: tuple[Breakpoint, ...] = ()
    known: bool = True
    continues: str = ""
    answer: tuple[Part, ...] = ()
    prompt: str | None = None
    prompt_digest: int = 0
    prompt_at: int = -1
    prompt_id: str = ""
    opening_digest: int = 0
    role: str = "main"
    compacted: bool = False
    retry_after_s: float | None = None
    tool_ms: tuple[tuple[str, float], ...] = ()
    limits: tuple[tuple[str, str], ...] = ()
    diagnosis: Any = None
    asked_diagnosis: bool = False
    secrets: tuple[Secret, ...] = ()
    outbound: tuple[Secret, ...] = ()
    redactions: int = 0
    dropped_bytes: int = 0

    @property
    def head(self) -> int:
        """How many items precede the messages."""
        return next((at for at, item in enumerate(self.items) if item.level == "messages"), len(self.items))

    def of_level(self, level: str) -> tuple[Item, ...]:
        """Return the tools, or the texts of the system prompt."""
        return tuple(item for item in self.items[: self.head] if item.level == level)

    @property
    def ended_ms(self) -> float:
        """When the last byte passed, milliseconds since the epoch."""
        return self.started_ms + (self.duration_ms or 0.0)

    @property
    def who(self) -> str:
        """The model that answered, or else the requested one."""
        return self.answered_by or self.model

    @property
    def failed(self) -> bool:
        """Whether the provider or the connection to it failed; calls that the user cancelled did not fail."""
        return self.outcome not in ("complete", "client_disconnected", "shutdown")
