"""The launcher's description of OpenCode and of Kilo, which is based on it: settings are JSON in a variable."""

import json

from ccsproxy.launch.agent import Agent, Leading, Measured, Overrule, ServiceFacts, Surroundings
from ccsproxy.launch.settings_files import member, read_json


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    # Its SDK appends /messages directly to the base, without the version.
    options = {"options": {"baseURL": f"{service.base('anthropic')}/v1"}}
    return Leading({"OPENCODE_CONFIG_CONTENT": json.dumps({"provider": {"anthropic": options}})})


def _overrules(surroundings: Surroundings) -> list[Overrule]:
    found = []
    config = surroundings.home / ".config" / "opencode"
    for file in (surroundings.cwd / "opencode.json", config / "opencode.json", config / "opencode.jsonc"):
        providers = read_json(file).get("provider")
        for name in providers if isinstance(providers, dict) else ():
            base = member(providers, name, "options", "baseURL")
            if base:
                cure = "Forwarding records it if its host is intercepted: add --intercept +HOST to 'ccsproxy up'."
                found.append(Overrule(str(file), f"provider.{name}.options.baseURL = {base}", cure))
    return found


AGENT = Agent(
    name="opencode",
    title="OpenCode",
    commands=("opencode",),
    upstream="anthropic",
    base_url=_base_url,
    effects=("Only its Anthropic provider uses the proxy.",),
    overrules=_overrules,
    asking=("run", "{prompt}"),
    measured=Measured("1.18.33", "2026-11-30"),
)
KILO = Agent(name="kilo", title="Kilo", commands=("kilo", "kilocode"), measured=Measured("7.7.7", "2026-11-30"))
