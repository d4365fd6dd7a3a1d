"""The registry of dialects: one line each."""

from typing import Any

from ccsproxy.dialects.anthropic.format import Anthropic
from ccsproxy.dialects.bedrock.format import Bedrock
from ccsproxy.dialects.cohere.format import Cohere
from ccsproxy.dialects.gemini.format import Gemini
from ccsproxy.dialects.gemini.live import GeminiLive
from ccsproxy.dialects.generic import Generic
from ccsproxy.dialects.ollama.format import Ollama
from ccsproxy.dialects.openai.assistants import Assistants
from ccsproxy.dialects.openai.chat import OpenAIChat
from ccsproxy.dialects.openai.realtime import OpenAIRealtime
from ccsproxy.dialects.openai.responses import OpenAIResponses
from ccsproxy.dialects.protocol import WireFormat

#: In the order in which they are tried; the generic format takes everything else.
FORMATS: tuple[WireFormat, ...] = (
    Assistants(),
    Anthropic(),
    OpenAIResponses(),
    OpenAIChat(),
    Gemini(),
    Ollama(),
    Cohere(),
    Bedrock(),
)
#: Those that are met over WebSocket only.
SOCKET_FORMATS: tuple[WireFormat, ...] = (OpenAIRealtime(), GeminiLive())
GENERIC = Generic()
#: The names of all dialects, for lookups.
NAMES = tuple(sorted(each.name for each in (*FORMATS, *SOCKET_FORMATS, GENERIC)))


def proven(current: WireFormat, value: Any) -> WireFormat:
    """Return the format that a first event or a JSON body can only be of, else the current one."""
    if current.recognises(value):
        return current
    for candidate in FORMATS:
        if candidate.recognises(value):
            return candidate
    return current
