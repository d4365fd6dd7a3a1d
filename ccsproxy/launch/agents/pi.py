"""Pi, as a launcher has to know it: it ignores base URL variables, and its own file holds the user's other
settings."""

from ccsproxy.launch.agent import Agent, Measured, Overrule, Surroundings
from ccsproxy.launch.settings_files import member, read_json


def _overrules(surroundings: Surroundings) -> list[Overrule]:
    folder = surroundings.environment.get("PI_CODING_AGENT_DIR")
    file = (surroundings.home / ".pi" / "agent" if folder is None else surroundings.home / folder) / "models.json"
    providers = member(read_json(file), "providers")
    return [
        Overrule(str(file), f"providers.{name}.baseUrl", "Add its host with --intercept +HOST to 'ccsproxy up'.")
        for name in (providers if isinstance(providers, dict) else ())
        if member(providers, name, "baseUrl")
    ]


AGENT = Agent(name="pi", title="Pi", commands=("pi",), overrules=_overrules, measured=Measured("1.6.0", "2026-11-30"))
