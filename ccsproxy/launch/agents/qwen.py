"""The launcher's description of Qwen Code, which uses OpenAI's variables."""

from ccsproxy.launch.agent import Agent, Leading, Measured, ServiceFacts, Surroundings


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading({"OPENAI_BASE_URL": f"{service.base('openai')}/v1"})


AGENT = Agent(
    name="qwen",
    title="Qwen Code",
    commands=("qwen",),
    upstream="openai",
    base_url=_base_url,
    effects=(
        "It omits prompt_cache_key, and no longer accepts answers in brotli.",
        "It talks to OpenAI's API instead of the provider of its own login.",
    ),
    asking=("-p", "{prompt}"),
    measured=Measured("0.24.4", "2026-11-30"),
)
