"""Launcher descriptions of agents that use the SDKs' base URL variables, or that need only forwarding."""

from ccsproxy.launch.agent import Agent, Leading, Measured, ServiceFacts, Surroundings


def _both(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading(
        {"ANTHROPIC_BASE_URL": service.base("anthropic"), "OPENAI_BASE_URL": f"{service.base('openai')}/v1"}
    )


def _openai(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading({"OPENAI_BASE_URL": f"{service.base('openai')}/v1"})


def _goose(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading({"ANTHROPIC_HOST": service.base("anthropic"), "OPENAI_HOST": service.base("openai")})


AIDER = Agent(
    name="aider",
    title="aider",
    commands=("aider",),
    upstream="anthropic",
    base_url=_both,
    asking=("--no-git", "--yes-always", "--message", "{prompt}"),
    measured=Measured("0.86.2", "2026-11-30"),
)
LLM = Agent(name="llm", title="llm", commands=("llm",), upstream="openai", base_url=_openai, asking=("{prompt}",))
GOOSE = Agent(
    name="goose",
    title="Goose",
    commands=("goose",),
    upstream="anthropic",
    base_url=_goose,
    asking=("run", "-t", "{prompt}"),
)
CRUSH = Agent(name="crush", title="Crush", commands=("crush",))
CLINE = Agent(
    name="cline",
    title="Cline CLI",
    commands=("cline",),
    needs="its hub daemon not to be running: a daemon that was started earlier keeps its own environment",
    measured=Measured("3.0.65", "2026-11-30"),
)
AMP = Agent(
    name="amp",
    title="Amp",
    commands=("amp",),
    needs="nothing, but its own server calls the models, so only its traffic with that server is seen",
    measured=Measured("0.0.1790142911", "2026-11-30"),
)
CONTINUE = Agent(name="continue", title="Continue CLI", commands=("cn",), measured=Measured("1.5.47", "2026-11-30"))
