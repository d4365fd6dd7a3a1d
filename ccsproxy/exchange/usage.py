"""Token counts in one form for all providers."""

from typing import Any

import msgspec

#: Member of `Usage.raw` with the length of the longest prompt, in a sum over several calls.
LONGEST_PROMPT = "longest_prompt_tokens"


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """A further run of a model within one call, whose tokens are not in the call's own counts.

    Anthropic reports them in ``usage.iterations``: a compaction of the context, a question to an advisor.

    :ivar kind: the provider's own name for it (``compaction``, ``advisor_message``).
    :ivar model: the model that ran, null if it is the call's own.
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
    """What a call used, with disjoint counts; unknown is null, never 0.

    :ivar input_tokens: uncached input tokens.
    :ivar output_tokens: all output tokens, reasoning included.
    :ivar output_tokens_at_least: a lower bound from the received text, for a call that broke off before its count.
    :ivar cache_creation_input_tokens: input tokens written to the prompt cache.
    :ivar cache_read_input_tokens: input tokens read from the prompt cache.
    :ivar cache_creation_5m: the part of the cache writes with a lifetime of five minutes.
    :ivar cache_creation_1h: the part of the cache writes with a lifetime of an hour.
    :ivar reasoning_tokens: the part of the output that was reasoning.
    :ivar service_tier: the tier that served the call, in the provider's own words (``priority``, ``flex``,
    ``batch``); null if not stated.
    :ivar speed: ``fast`` if the provider states that it ran faster than usual.
    :ivar tool_calls: what the provider executed itself and bills per use, by kind: ``web_search``, ``file_search``,
    ``google_search``, ``google_maps``, ``code_execution``, ...; null if not stated.
    :ivar stated_cost: the call's cost in US dollars, if the provider states it.
    :ivar passes: further runs of a model, whose tokens are in none of the counts above; null if there were none.
    :ivar raw: the provider's own object, unchanged.
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
