"""The programs that are compared: how each is installed and started, and what its records have to say."""

import json
from collections.abc import Mapping, Sequence

import attr

from test.compared import side
from test.compared.logins import chatgpt_login

PROMPT = "Read notes.txt here and say what it says."
#: No key of anybody's: words that a key's form is put around.
KEY = "none-of-anybodys-keys"
_ANTHROPIC = {"ANTHROPIC_API_KEY": f"sk-ant-api03-{KEY}"}
_OPENAI = {"OPENAI_API_KEY": f"sk-proj-{KEY}"}
_SONNET = "claude-sonnet-4-5"


@attr.frozen
class Program:
    """One agent, or a program with an SDK, in one version and with one login.

    :ivar name: of its folder and in the results.
    :ivar title: for people.
    :ivar launcher: what stands after ``ccsproxy``; ``run`` for a program that no launcher knows.
    :ivar npm: packages from npm, the first gives the version.
    :ivar pip: packages from PyPI, likewise.
    :ivar command: the program and its arguments; ``{home}``, ``{project}`` and ``{scripts}`` are replaced.
    :ivar before: a command that is run first, without being watched: a login.
    :ivar files: what its home holds, path to text.
    :ivar client: its name in records.
    :ivar versioned: whether its requests say its version.
    :ivar says_cwd: whether its requests say the working directory.
    """

    name: str
    title: str
    launcher: str
    command: Sequence[str]
    client: str
    npm: Sequence[str] = ()
    pip: Sequence[str] = ()
    before: Sequence[str] = ()
    environment: Mapping[str, str] = attr.field(factory=dict)
    files: Mapping[str, str] = attr.field(factory=dict)
    versioned: bool = True
    says_cwd: bool = True


def _claude(name: str, package: str) -> Program:
    command = ("claude", "-p", PROMPT, "--allowedTools", "Bash")
    environment = {**_ANTHROPIC, "DISABLE_AUTOUPDATER": "1"}
    return Program(name, "Claude Code", "claude", command, "claude-code", npm=(package,), environment=environment)


def _codex(name: str, title: str, auth: Mapping[str, object]) -> Program:
    command = ("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT)
    files = {".codex/auth.json": json.dumps(auth)}
    return Program(name, title, "codex", command, "codex", npm=("@openai/codex",), files=files)


def _sdk_python(name: str, package: str, client: str, environment: Mapping[str, str]) -> Program:
    command = ("python", "{scripts}/" + f"sdk_{package.replace('-', '_')}.py", PROMPT)
    return Program(
        name, f"{package} (Python)", "run", command, client, pip=(package,), environment=environment, says_cwd=False
    )


_GEMINI_SETTINGS = json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}})
_CONTINUE = f"""name: mock
version: 0.0.1
schema: v1
models:
  - name: sonnet
    provider: anthropic
    model: {_SONNET}
    apiKey: {_ANTHROPIC["ANTHROPIC_API_KEY"]}
    roles: [chat]
"""

PROGRAMS = (
    _claude("claude-2.1.197", "@anthropic-ai/claude-code@2.1.197"),
    _claude("claude", "@anthropic-ai/claude-code@2.1.332"),
    _codex("codex", "Codex, API key", {"OPENAI_API_KEY": _OPENAI["OPENAI_API_KEY"]}),
    _codex("codex-chatgpt", "Codex, ChatGPT login", chatgpt_login(side.ACCOUNT)),
    Program(
        "gemini",
        "Gemini CLI",
        "gemini",
        ("gemini", "-m", "gemini-2.5-flash", "--yolo", "-p", PROMPT),
        "gemini-cli",
        npm=("@google/gemini-cli",),
        environment={"GEMINI_API_KEY": KEY, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        files={".gemini/settings.json": _GEMINI_SETTINGS},
    ),
    Program(
        "opencode",
        "OpenCode",
        "opencode",
        ("opencode", "run", "-m", f"anthropic/{_SONNET}", PROMPT),
        "opencode",
        npm=("opencode-ai",),
        environment=_ANTHROPIC,
    ),
    Program(
        "qwen",
        "Qwen Code",
        "qwen",
        ("qwen", "--yolo", "-p", PROMPT),
        "qwen-code",
        npm=("@qwen-code/qwen-code",),
        environment={**_OPENAI, "OPENAI_MODEL": "gpt-5.5", "OPENAI_BASE_URL": "https://api.openai.com/v1"},
        files={".qwen/settings.json": json.dumps({"security": {"auth": {"selectedType": "openai"}}})},
    ),
    Program(
        "copilot",
        "GitHub Copilot CLI, own key",
        "copilot",
        ("copilot", "-p", PROMPT, "--allow-all-tools", "--no-auto-update"),
        "copilot-cli",
        npm=("@github/copilot",),
        environment={
            "COPILOT_PROVIDER_BASE_URL": "https://api.anthropic.com",
            "COPILOT_PROVIDER_TYPE": "anthropic",
            "COPILOT_PROVIDER_API_KEY": _ANTHROPIC["ANTHROPIC_API_KEY"],
            "COPILOT_MODEL": _SONNET,
        },
        versioned=False,
    ),
    Program(
        "pi",
        "Pi",
        "pi",
        ("pi", "--provider", "anthropic", "--model", _SONNET, "-p", PROMPT),
        "pi",
        npm=("@earendil-works/pi-coding-agent",),
        environment=_ANTHROPIC,
        versioned=False,
    ),
    Program(
        "cline",
        "Cline CLI",
        "cline",
        ("cline", "-P", "anthropic", "-y", PROMPT),
        "cline",
        npm=("cline",),
        versioned=False,
        before=("cline", "auth", "-p", "anthropic", "-k", _ANTHROPIC["ANTHROPIC_API_KEY"], "-m", _SONNET),
    ),
    Program(
        "aider",
        "aider",
        "aider",
        ("aider", "--model", f"anthropic/{_SONNET}", "--no-git", "--yes-always", "--no-pretty", "--message", PROMPT),
        "aider",
        pip=("aider-chat",),
        environment={**_ANTHROPIC, "AIDER_ANALYTICS": "false", "AIDER_CHECK_UPDATE": "false"},
        says_cwd=False,
        versioned=False,
    ),
    Program(
        "continue",
        "Continue CLI",
        "continue",
        ("cn", "--config", "{home}/continue.yaml", "--auto", "-p", PROMPT),
        "continue",
        npm=("@continuedev/cli",),
        files={"continue.yaml": _CONTINUE},
        environment={"CONTINUE_TELEMETRY_ENABLED": "0"},
        versioned=False,
    ),
    _sdk_python("sdk-anthropic", "anthropic", "anthropic-python", _ANTHROPIC),
    _sdk_python("sdk-openai", "openai", "openai-python", _OPENAI),
    Program(
        "sdk-openai-ts",
        "openai (Node)",
        "run",
        ("node", "{home}/sdk_openai.mjs", PROMPT),
        "openai-js",
        npm=("openai",),
        environment=_OPENAI,
        says_cwd=False,
    ),
    _sdk_python("sdk-google-genai", "google-genai", "google-genai-sdk", {"GEMINI_API_KEY": KEY}),
    _sdk_python("sdk-mistralai", "mistralai", "mistral-client-python", {"MISTRAL_API_KEY": KEY}),
    _sdk_python("sdk-cohere", "cohere", "cohere", {"CO_API_KEY": KEY}),
)
