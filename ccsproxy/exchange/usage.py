"""Token counts in one shape for all providers."""

from typing import Any

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a call used, every count disjoint from the others; unknown is null, never 0 (contract, section 4).

    :ivar input_tokens: uncached input tokens.
    :ivar output_tokens: all output tokens, reasoning included.
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
    :ivar raw: the provider's own object, untouched.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_5m: int | None = None
    cache_creation_1h: int | None = None
    reasoning_tokens: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    tool_calls: dict[str, int] | None = None
    stated_cost: float | None = None
    raw: Any = None
