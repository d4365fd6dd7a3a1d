"""Libraries that programs use to call models: SDKs, and frameworks on top of them."""

import re

from ccsproxy.clients.call import ClientCall, first_id, first_name
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

_STAINLESS = re.compile(
    r"\A(?:Async)?(Anthropic|OpenAI|AzureOpenAI)(?:Bedrock|Vertex|Foundry|Aws)?/(\w+)[ /]v?(\d[\w.+-]*)?", re.I
)
#: Their names as in front of a version, and as in records.
_OTHERS = re.compile(
    r"(?i)\A(google-genai-sdk|ollama-python|ollama-js|ollama|mistral-client-python|genai-js|"
    r"pydantic-ai|litellm|langchain[\w-]*|llm)/v?(\d[\w.+-]*)"
)
#: ``Agents/Python 0.24.0``, ``Agents/JavaScript 0.20.0``.
_AGENTS = re.compile(r"\AAgents/(?:Python|JavaScript|JS|TypeScript)[ /]v?(\d[\w.+-]*)", re.I)
#: ``ai/6.0.326 ai-sdk/anthropic/3.0.140 runtime/node.js/24``, or without its first part.
_VERCEL = re.compile(r"\Aai/v?(\d[\w.+-]*)|\Aai-sdk/[\w.-]+(?:/v?(\d[\w.+-]*))?", re.I)


def matches(call: ClientCall) -> bool:
    """Whether one of the libraries made this call, with nothing above it that identifies itself."""
    return any(known.match(call.user_agent) for known in (_STAINLESS, _OTHERS, _AGENTS, _VERCEL))


def identify(call: ClientCall) -> Client:
    """Identify the library: ``anthropic-python``, ``openai-js``, ...; it has no session unless a header names one."""
    name, version = _name(call)
    return Client(
        name=name,
        version=version,
        session=first_id(call.header("x-session-id", "session-id")),
        cwd=working_folder(call),
        account=first_id(call.header("openai-organization")),
    )


def _name(call: ClientCall) -> tuple[str | None, str | None]:
    if stainless := _STAINLESS.match(call.user_agent):
        version = stainless.group(3) or first_name(call.header("x-stainless-package-version"))
        return f"{stainless.group(1)}-{stainless.group(2)}".lower(), version
    if agents := _AGENTS.match(call.user_agent):
        return "openai-agents", agents.group(1)
    if vercel := _VERCEL.match(call.user_agent):
        return "vercel-ai-sdk", vercel.group(1) or vercel.group(2)
    other = _OTHERS.match(call.user_agent)
    return (other.group(1).lower(), other.group(2)) if other else (None, None)
