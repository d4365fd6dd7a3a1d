"""The plain SDKs of Anthropic, OpenAI, Google and Ollama."""

import re

from ccsproxy.clients.call import ClientCall, first_id, first_name
from ccsproxy.exchange.record import Client

_STAINLESS = re.compile(
    r"\A(?:Async)?(Anthropic|OpenAI|AzureOpenAI)(?:Bedrock|Vertex|Foundry|Aws)?/(\w+)[ /]v?(\d[\w.+-]*)?", re.I
)
_OTHERS = re.compile(
    r"\A(google-genai-sdk|ollama-python|ollama-js|ollama|mistral-client-python|genai-js)/v?(\d[\w.+-]*)", re.I
)


def matches(call: ClientCall) -> bool:
    """Whether one of the SDKs made this call, with nothing above it that names itself."""
    return _STAINLESS.match(call.user_agent) is not None or _OTHERS.match(call.user_agent) is not None


def identify(call: ClientCall) -> Client:
    """Name the SDK: ``anthropic-python``, ``openai-js``, ...; it has no session but one that a header names."""
    stainless = _STAINLESS.match(call.user_agent)
    other = _OTHERS.match(call.user_agent)
    if stainless:
        name = f"{stainless.group(1)}-{stainless.group(2)}".lower()
        version = stainless.group(3) or first_name(call.header("x-stainless-package-version"))
    else:
        name, version = (other.group(1).lower(), other.group(2)) if other else ("", None)
    return Client(
        name=name or None,
        version=version,
        session=first_id(call.header("x-session-id", "session-id")),
        account=first_id(call.header("openai-organization")),
    )
