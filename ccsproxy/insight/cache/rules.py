"""What is known of each provider's prompt cache, as data.

Sources: "Prompt caching", platform.claude.com; "Prompt caching", developers.openai.com; "Context caching",
ai.google.dev; the makers' pages of the others. Lifetimes of automatic caches are not promised by anyone.
"""

import re

import attr

from ccsproxy.insight.facts import Call

#: The tolerance by which Claude Code 2.1.332 judges its own cache: less than both is a hit.
HIT_SHARE, HIT_TOKENS = 0.95, 2000
#: Positions that Anthropic looks back from a breakpoint for an entry that was written earlier.
LOOK_BACK = 20
#: How near to the end of its life an entry may be gone, in seconds, by the lifetime asked for.
_MARGINS_S = {300: 2, 3600: 10}

#: Least tokens of a prefix that is kept; below it nothing is written and nothing said.
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

    :ivar marked: whether it keeps only what a request marks.
    :ivar writes: whether it counts what it writes.
    :ivar step: what is read is a multiple of this many tokens.
    :ivar minimum: the least tokens of a prefix that is kept.
    :ivar idle_s: how long an entry lives without use, in seconds, where a request does not say.
    :ivar promised: whether that lifetime is exact; else an entry may live shorter or longer.
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
    # From GPT-5.6 on requests can say what is kept and for how long ("Prompt caching", developers.openai.com).
    if re.match(r"gpt-(?:5\.[6-9]|[6-9])", model):
        explicit = call.settings.get("caching") == "explicit"
        asked = 43200 if call.settings.get("cache_ttl") == "12h" else 1800
        return Rule(explicit, True, idle_s=asked)
    if call.dialect == "gemini" or "gemini" in model:
        return Rule(False, False, minimum=minimum_of(model), step=1)
    if "mistral" in model:
        return Rule(False, False, step=64, idle_s=300)
    # OpenAI's older models keep steps of 128 tokens, for some minutes or, where asked, a day (the same page).
    kept_day = call.settings.get("cache_ttl") == "24h"
    return Rule(False, False, step=128, idle_s=86400 if kept_day else 600)


def minimum_of(model: str) -> int:
    """Return the least tokens that a model's cache keeps; vendors' own pages differ on some, so read it with care."""
    return next((least for pattern, least in _MINIMA if pattern.search(model)), 1024)


def lifetime_s(call: Call, rule: Rule) -> int:
    """Return for how long the last entry of a call lives, in seconds."""
    return call.breakpoints[-1].ttl_s if call.breakpoints else rule.idle_s


def margin_s(lifetime: int) -> int:
    """Return how near to the end of its life an entry may be gone, as only the provider knows when it began."""
    return _MARGINS_S.get(lifetime, 30)
