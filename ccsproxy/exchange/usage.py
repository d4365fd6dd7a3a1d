"""Token counts in one shape for all providers."""

from typing import Any

import msgspec

#: The member of `Usage.raw` that says, of several calls together, how long the longest prompt among them was.
LONGEST_PROMPT = "longest_prompt_tokens"


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """A further run of a model within one call, whose tokens are in none of the call's own counts.

    Anthropic tells them in ``usage.iterations``: a compaction of the context, the question to an advisor.

    :ivar kind: the provider's own word for it (``compaction``, ``advisor_message``).
    :ivar model: the model that ran, null where it is the call's own.
    :ivar input_tokens: as in `Usage`, as are the other counts.
    """

    kind: str
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_5m: int | None = None
    cache_creation_1h: int | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a call used, every count disjoint from the others; unknown is null, never 0 (contract, section 4).

    :ivar input_tokens: uncached input tokens.
    :ivar output_tokens: all output tokens, reasoning included.
    :ivar output_tokens_at_least: a lower bound by the text that came, of a call that broke off before its count.
    :ivar cache_creation_input_tokens: input tokens written to the prompt cache.
    :ivar cache_read_input_tokens: input tokens read from the prompt cache.
    :ivar cache_creation_5m: the part of the cache writes that lives five minutes.
    :ivar cache_creation_1h: the part of the cache writes that lives an hour.
    :ivar reasoning_tokens: the part of the output that was reasoning.
    :ivar service_tier: the tier that served the call, in the provider's own word (``priority``, ``flex``, ``batch``);
        null where it does not say.
    :ivar speed: ``fast`` where the provider says that it ran faster than usual.
    :ivar tool_calls: what the provider did itself and bills by the piece, by kind: ``web_search``, ``file_search``,
        ``google_search``, ``google_maps``, ``code_execution``, ...; null where it does not say.
    :ivar stated_cost: what the call cost in US dollars, where the provider says so itself.
    :ivar passes: further runs of a model, whose tokens are in none of the counts above; null where there were none.
    :ivar raw: the provider's own object, untouched.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_at_least: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_5m: int | None = None
    cache_creation_1h: int | None = None
    reasoning_tokens: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    tool_calls: dict[str, int] | None = None
    stated_cost: float | None = None
    passes: list[Pass] | None = None
    raw: Any = None
