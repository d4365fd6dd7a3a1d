"""The launcher's description of Codex.

Codex 0.171 uses a WebSocket to ``/v1/responses`` and sends increments; with the documented provider and base URL, it
posts the whole conversation in each turn. Forwarding keeps the WebSocket. It ignores ``OPENAI_BASE_URL``;
``openai_base_url`` on the command line works.
"""

from pathlib import Path

from ccsproxy.launch.agent import Agent, Leading, Measured, Overrule, ServiceFacts, Surroundings
from ccsproxy.launch.settings_files import member, read_json, read_toml


def _home(surroundings: Surroundings) -> Path:
    folder = surroundings.environment.get("CODEX_HOME")
    return Path(folder) if folder else surroundings.home / ".codex"


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    if _login(surroundings) == "subscription":
        # A separate provider: under chatgpt_base_url Codex looks up its workspace's location, and connects there
        # directly.
        fields = (
            f'name="ccsproxy", base_url="{service.base("chatgpt")}", wire_api="responses", requires_openai_auth=true'
        )
        return Leading(arguments=("-c", 'model_provider="ccsproxy"', "-c", f"model_providers.ccsproxy={{{fields}}}"))
    return Leading(arguments=("-c", f'openai_base_url="{service.base("openai")}/v1"'))


def _overrules(surroundings: Surroundings) -> list[Overrule]:
    file = _home(surroundings) / "config.toml"
    config = read_toml(file)
    found = []
    provider = config.get("model_provider")
    if isinstance(provider, str) and provider != "openai":
        base = member(config, "model_providers", provider, "base_url")
        cure = "Forwarding records it if its host is intercepted: add --intercept +HOST to 'ccsproxy up'."
        found.append(Overrule(str(file), f"model_provider = {provider!r} at {base}", cure))
    return found


def _login(surroundings: Surroundings) -> str:
    if surroundings.environment.get("OPENAI_API_KEY") or surroundings.environment.get("CODEX_API_KEY"):
        return "api-key"
    auth = read_json(_home(surroundings) / "auth.json")
    if auth.get("tokens"):
        return "subscription"
    return "api-key" if auth.get("OPENAI_API_KEY") else "none"


AGENT = Agent(
    name="codex",
    title="Codex",
    commands=("codex",),
    upstream="openai",
    base_url=_base_url,
    effects=(
        "The model list is no longer refreshed from chatgpt.com.",
        "With a ChatGPT login, request bodies are no longer compressed.",
    ),
    overrules=_overrules,
    login=_login,
    asking=("exec", "--skip-git-repo-check", "{prompt}"),
    measured=Measured("0.171.0", "2026-11-30"),
)
