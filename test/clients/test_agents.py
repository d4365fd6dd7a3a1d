"""Tests of the agents that say who they are to the model or in a header, in the shapes in which they were seen."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients import identify
from ccsproxy.exchange.record import Client

SDK = "Anthropic/JS 1.14.0"
SID = "0b9a3b7e-58b1-4f6d-9a39-7d1f0c1a2b3c"


def ask(user_agent: str, body: Any = None, **headers: str) -> Client:
    """Identify a call; underscores in the names of headers stand for dashes."""
    lines = {"user-agent": user_agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return identify([(name.encode(), value.encode()) for name, value in lines.items()], b"/v1/messages", body)


def told(text: str) -> dict[str, Any]:
    """Make a body whose system prompt is a text."""
    return {"system": [{"type": "text", "text": text}], "messages": [{"role": "user", "content": "hi"}]}


class AgentTests(SynchronousTestCase):
    """Name, version, session and folder of each agent."""

    def test_what_agents_say(self) -> None:
        """Agents that call through a plain SDK tell the model who they are and where."""
        for text, name in [
            (
                "You are the GitHub Copilot CLI, a terminal assistant.\n* Current working directory: /w\n",
                "copilot-cli",
            ),
            ("You are Cline, a highly skilled software engineer.\n\nWorking Directory: /w\n", "cline"),
            ("You are Cline, an engineer.\n# Current Working Directory (/w) Files\na.py", "cline"),
            ("You are Roo, an engineer.\nCurrent Workspace Directory: /w\n", "roo-code"),
            (
                "You are an expert coding assistant operating inside pi.\nCurrent working directory: /w",
                "pi",
            ),
            ("You are an agent in the Continue CLI.\n<env>\nWorking directory: /w\n</env>", "continue"),
            ("You are Crush, a coding agent.\n<env>\nWorking directory: /w\n</env>", "crush"),
            ("You are a general-purpose AI agent called goose.\nWorking directory: /w", "goose"),
            ("You are Amp, a powerful AI coding agent.\nWorking directory: /w", "amp"),
            ("You are Kilo, a software engineer.\nWorking directory: /w", "kilo-code"),
        ]:
            for user_agent in (SDK, "ai-sdk/openai-compatible/1.0.0", "node-fetch", "OpenAI/Python 3.57.0"):
                client = ask(user_agent, told(text))
                self.assertEqual((client.name, client.cwd), (name, "/w"), text)

    def test_aider(self) -> None:
        """aider calls through litellm or an SDK, and says what it is to the model only."""
        body = {"messages": [{"role": "system", "content": "Act as an expert software developer.\nAlways use best"}]}
        for user_agent in ("litellm/1.110.2", "OpenAI/Python 3.57.0"):
            self.assertEqual(ask(user_agent, body).name, "aider")

    def test_user_agents(self) -> None:
        """Name and version of those that name themselves."""
        for user_agent, name, version in [
            ("GeminiCLI/0.61.0/gemini-2.5-flash (linux; x64)", "gemini-cli", "0.61.0"),
            ("QwenCode/0.15.10 (linux; x64)", "qwen-code", "0.15.10"),
            ("Kilo-Code/5.1.0", "kilo-code", "5.1.0"),
            ("RooCode/3.30.0", "roo-code", "3.30.0"),
            ("Cline/3.0.65", "cline", "3.0.65"),
            ("copilot/1.0.102 (linux v24.0.0) term/unknown", "copilot-cli", "1.0.102"),
            ("GitHubCopilotChat/0.40.1", "copilot-chat", "0.40.1"),
            ("Charm-Crush/0.30.0", "crush", "0.30.0"),
            ("goose/1.20.0", "goose", "1.20.0"),
            ("Agents/Python 0.24.0", "openai-agents", "0.24.0"),
            ("Agents/JavaScript 0.20.0", "openai-agents", "0.20.0"),
            ("pydantic-ai/2.68.0", "pydantic-ai", "2.68.0"),
            ("ai/6.0.326 ai-sdk/anthropic/3.0.140 runtime/node.js/24", "vercel-ai-sdk", "6.0.326"),
            ("langchain-anthropic/1.7.10", "langchain-anthropic", "1.7.10"),
            ("litellm/1.110.2", "litellm", "1.110.2"),
            ("llm/0.36", "llm", "0.36"),
        ]:
            client = ask(user_agent, {"messages": [{"role": "user", "content": "hi"}]})
            self.assertEqual((client.name, client.version), (name, version), user_agent)

    def test_sessions(self) -> None:
        """Conversations that a header names."""
        for user_agent, headers, name in [
            ("Cline/3.0.65", {"x_task_id": SID}, "cline"),
            ("Kilo-Code/5.1.0", {"x_kilocode_taskid": SID}, "kilo-code"),
            (SDK, {"x_roo_task_id": SID}, "roo-code"),
            ("goose/1.20.0", {"agent_session_id": SID}, "goose"),
            ("Bun/1.4.0", {"x_amp_thread_id": SID}, "amp"),
        ]:
            client = ask(user_agent, None, **headers)
            self.assertEqual((client.name, client.session), (name, SID))

    def test_kilo_is_not_opencode(self) -> None:
        """Kilo's command line is made of OpenCode and names sessions alike; OpenCode stays itself."""
        kilo = ask("ai-sdk/anthropic/2.0", told("You are Kilo, made for ..."), x_session_affinity="ses_1")
        self.assertEqual((kilo.name, kilo.session), ("kilo-code", "ses_1"))
        self.assertEqual(ask("ai-sdk/anthropic/2.0", told("You are"), x_session_affinity="ses_1").name, "opencode")
        self.assertEqual(ask("opencode/1.18.33", None, copilot_integration_id="x").name, "opencode")

    def test_folders(self) -> None:
        """Each way in which the working directory is said, for any client."""
        for text in (
            "Primary working directory: /w",
            " - Primary working directory: /w\n - Is a git repository: true",
            "- **Workspace Directories:**\n  - /w\n- Directory",
            "- Workspace Directories:\n  - /w",
            "I'm currently working in the directory: /w\nHere is",
            "I'm currently working in the following directories:\n  - /w\n  - /x",
            "<environment_context>\n  <cwd>/w</cwd>",
            "Current working directory: `/w`",
            "The current working directory is: /w",
        ):
            self.assertEqual(ask("curl/8", told(text)).cwd, "/w", text)
            first = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
            self.assertEqual(ask("GeminiCLI/0.61.0/x", first).cwd, "/w", text)

    def test_no_folders(self) -> None:
        """Prose about working directories names none."""
        for text in ("Working directory: the one above", "state your working directory: yes", "Working directory:"):
            self.assertIsNone(ask("curl/8", told(text)).cwd)

    def test_retries(self) -> None:
        """What SDKs say of repetitions."""
        self.assertEqual(ask(SDK, None, x_stainless_retry_count="2").retry, 2)
        self.assertEqual(ask(SDK, None, x_stainless_retry_count="0").retry, 0)
        for odd in ("", "x", "-1", "99999", "1.5"):
            self.assertIsNone(ask(SDK, None, x_stainless_retry_count=odd).retry)
