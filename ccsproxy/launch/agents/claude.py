"""The launcher's description of Claude Code.

Claude Code 2.1.197 compares the host of ``ANTHROPIC_BASE_URL`` with ``api.anthropic.com``. Under any other host it
sends every tool in each request, names sessions with the main model, and leaves out betas and managed settings,
unless ``_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL`` is set; even then 2.1.332 drops one beta.
Forwarding changes nothing.
"""

from pathlib import Path

from ccsproxy.launch.agent import Agent, Leading, Measured, Overrule, ServiceFacts, Surroundings
from ccsproxy.launch.settings_files import member, read_json

#: Variables that Claude Code itself sets from a settings file, overriding ours.
_LEADING = ("ANTHROPIC_BASE_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")
_MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    return Leading({"ANTHROPIC_BASE_URL": service.base("anthropic"), "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL": "1"})


def settings_files(surroundings: Surroundings) -> list[Path]:
    """Return the settings files that Claude Code reads, in order of precedence."""
    folder = surroundings.environment.get("CLAUDE_CONFIG_DIR")
    user = Path(folder) if folder else surroundings.home / ".claude"
    project = surroundings.cwd / ".claude"
    files = [*_MANAGED, project / "settings.local.json", project / "settings.json", user / "settings.json"]
    return list(dict.fromkeys(files))  # in the home directory, the project's files are the user's own


def _overrules(surroundings: Surroundings) -> list[Overrule]:
    found = []
    for file in settings_files(surroundings):
        given = member(read_json(file), "env")
        for name in _LEADING:
            if member(given, name) is not None:
                cure = f"Remove env.{name} from {file}; it overrides the launcher's own."
                found.append(Overrule(str(file), f"env.{name}", cure))
    for name in ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"):
        if surroundings.environment.get(name):
            cure = "Start with --via forward (the default): it does not use a base URL for Anthropic."
            found.append(Overrule("environment", name, cure))
    return found


def _login(surroundings: Surroundings) -> str:
    environment = surroundings.environment
    # In the order in which Claude Code itself looks: a key in the environment has precedence over a stored login.
    if environment.get("ANTHROPIC_API_KEY") or environment.get("ANTHROPIC_AUTH_TOKEN"):
        return "api-key"
    if environment.get("CLAUDE_CODE_OAUTH_TOKEN"):
        return "subscription"
    folder = environment.get("CLAUDE_CONFIG_DIR")
    user = Path(folder) if folder else surroundings.home / ".claude"
    if (user / ".credentials.json").is_file():
        return "subscription"
    account = read_json(surroundings.home / ".claude.json")
    return "subscription" if account.get("oauthAccount") else "api-key" if account.get("primaryApiKey") else "none"


AGENT = Agent(
    name="claude",
    title="Claude Code",
    commands=("claude",),
    upstream="anthropic",
    base_url=_base_url,
    effects=(
        "Claude Code 2.1.332 omits the beta mid-conversation-system-clear-at-2026-08-21.",
        "Without _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL=1, which the launcher sets, it would send every tool in "
        "each request (85,628 bytes instead of 48,838) and name sessions with the main model.",
    ),
    overrules=_overrules,
    login=_login,
    asking=("-p", "{prompt}"),
    measured=Measured("2.1.197 and 2.1.332", "2026-11-30"),
)
