"""The rules of each provider's prompt cache, as data.

Sources: "Prompt caching", platform.claude.com; "Prompt caching", developers.openai.com; "Context caching",
ai.google.dev; the documentation of the other providers. No provider guarantees the lifetime of an automatic cache.
"""

import re

import attr

from ccsproxy.insight.facts import Call

#: The tolerance by which Claude Code 2.1.332 judges its own cache: a miss exceeds both.
HIT_SHARE, HIT_TOKENS = 0.95, 2000
#: Positions that Anthropic looks back from a breakpoint for an entry that was written earlier.
LOOK_BACK = 20
#: An entry may expire this many seconds early or late, by the requested lifetime.
_MARGINS_S = {300: 2, 3600: 10}

#: Minimum tokens of a cached prefix by model; shorter prefixes are not written.
_MINIMA = (
    (re.compile(r"claude-(?:fable|mythos)-5|claude-opus-5|claude-sonnet-5-5"), 512),
    (re.compile(r"claude-opus-4-[56]|claude-haiku-4-5"), 4096),
    (re.compile(r"claude-opus-4-7|claude-mythos-preview|claude-3-5-haiku|claude-haiku-3"), 2048),
    (re.compile(r"gemini-[3-9]"), 4096),
    (re.compile(r"gemini-"), 2048),
)


@attr.frozen
class Rule:
    """How a provider's cache works.

    :ivar marked: whether it stores only what a request marks.
    :ivar writes: whether it reports the tokens that it writes.
    :ivar step: the number of tokens read is a multiple of this.
    :ivar minimum: the minimum number of tokens of a cached prefix.
    :ivar idle_s: the lifetime of an unused entry in seconds, if the request does not set one.
    :ivar promised: whether that lifetime is exact; otherwise an entry may live shorter or longer.
    """

    marked: bool
    writes: bool
    step: int = 1
    minimum: int = 1024
    idle_s: int = 300
    promised: bool = False


def rule_for(call: Call) -> Rule:
    """Return the rule that a call's provider follows."""
    model = call.who
    if call.dialect in ("anthropic", "bedrock") or "claude" in model:
        return Rule(True, True, minimum=minimum_of(model), promised=True)
    # From GPT-5.6 on, requests can set what is cached and for how long ("Prompt caching", developers.openai.com).
    if re.match(r"gpt-(?:5\.[6-9]|[6-9])", model):
        explicit = call.settings.get("caching") == "explicit"
        lifetime = 43200 if call.settings.get("cache_ttl") == "12h" else 1800
        return Rule(explicit, True, idle_s=lifetime)
    if call.dialect == "gemini" or "gemini" in model:
        return Rule(False, False, minimum=minimum_of(model), step=1)
    if "mistral" in model:
        return Rule(False, False, step=64, idle_s=300)
    # OpenAI's older models cache in steps of 128 tokens, for some minutes or, on request, a day (the same page).
    kept_day = call.settings.get("cache_ttl") == "24h"
    return Rule(False, False, step=128, idle_s=86400 if kept_day else 600)


def minimum_of(model: str) -> int:
    """Return the minimum number of tokens that a model's cache stores; vendors' pages disagree for some models."""
    return next((least for pattern, least in _MINIMA if pattern.search(model)), 1024)


def lifetime_s(call: Call, rule: Rule) -> int:
    """Return for how long the last entry of a call lives, in seconds."""
    return call.breakpoints[-1].ttl_s if call.breakpoints else rule.idle_s


def margin_s(lifetime: int) -> int:
    """Return by how many seconds an entry may expire early, because only the provider knows when its life began."""
    return _MARGINS_S.get(lifetime, 30)
