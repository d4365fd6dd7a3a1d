"""GitHub Copilot CLI, as a launcher has to know it: with a subscription its model hosts are named by the server it
logs in at."""

from ccsproxy.launch.agent import Agent, Leading, Measured, ServiceFacts, Surroundings


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading({"COPILOT_PROVIDER_BASE_URL": service.base("anthropic"), "COPILOT_PROVIDER_TYPE": "anthropic"})


def _login(surroundings: Surroundings) -> str:
    if surroundings.environment.get("COPILOT_PROVIDER_API_KEY"):
        return "api-key"
    return "subscription" if (surroundings.home / ".copilot").is_dir() else "none"


AGENT = Agent(
    name="copilot",
    title="GitHub Copilot CLI",
    commands=("copilot",),
    upstream="anthropic",
    base_url=_base_url,
    effects=("A base URL works only with a key of your own, not with the subscription.",),
    login=_login,
    asking=("-p", "{prompt}"),
    measured=Measured("1.0.102", "2026-11-30"),
)
