"""All names from OpenTelemetry's conventions, in one place; the conventions are young and change.

Source: github.com/open-telemetry/semantic-conventions-genai, release 0.1.0 and main of November 2026
(``docs/gen-ai/client-inference.md``, ``gen-ai-agent-spans.md``, ``gen-ai-token-metrics.md``); core conventions 1.44.
Everything without a name there is called ``ccsproxy.*``.
"""

#: The release of the conventions that the names are from, sent as an attribute of the scope.
CONVENTIONS = "0.1.0"
SCOPE = "ccsproxy"
CONVENTIONS_OF_SCOPE = "ccsproxy.conventions.gen_ai"

# Resource
SERVICE_NAME, SERVICE_VERSION, SERVICE_INSTANCE = "service.name", "service.version", "service.instance.id"
HOST_NAME = "host.name"

# Every span
SESSION_ID, CONVERSATION_ID, USER_ID = "session.id", "gen_ai.conversation.id", "user.id"
ERROR_TYPE = "error.type"
SERVER_ADDRESS, SERVER_PORT = "server.address", "server.port"
HTTP_METHOD, HTTP_STATUS, URL_PATH = "http.request.method", "http.response.status_code", "url.path"

# A model call
OPERATION, PROVIDER = "gen_ai.operation.name", "gen_ai.provider.name"
REQUEST_MODEL, RESPONSE_MODEL, RESPONSE_ID = "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id"
STREAM = "gen_ai.request.stream"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
PREVIOUS_RESPONSE = "gen_ai.request.previous_response.id"
REASONING_LEVEL = "gen_ai.request.reasoning.level"
COMPACTED = "gen_ai.conversation.compacted"
INPUT_TOKENS, OUTPUT_TOKENS = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHE_READ, REASONING_TOKENS = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens"
CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
#: The name of cache writes until 2026, the only one that Langfuse and older tools read.
CACHE_WRITE_BEFORE = "gen_ai.usage.cache_creation.input_tokens"
SYSTEM, INPUT, OUTPUT = "gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"

# Agents and tools
AGENT_NAME, AGENT_ID, AGENT_VERSION = "gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.agent.version"
TOOL_NAME, TOOL_TYPE, TOOL_CALL_ID = "gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.tool.call.id"
TOOL_ARGUMENTS, TOOL_RESULT = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"

# Metrics
DURATION = "gen_ai.client.inference.duration"
FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
USED_INPUT = "gen_ai.client.inference.usage.input_tokens"
USED_OUTPUT = "gen_ai.client.inference.usage.output_tokens"
USED_CACHE_READ = "gen_ai.client.inference.usage.cache_read.input_tokens"
USED_CACHE_WRITE = "gen_ai.client.inference.usage.cache_write.input_tokens"
USED_REASONING = "gen_ai.client.inference.usage.reasoning.output_tokens"
CALL_INPUT = "gen_ai.client.inference.operation.input_tokens"
CALL_OUTPUT = "gen_ai.client.inference.operation.output_tokens"
MODALITY = "gen_ai.token.modality"
#: Bucket bounds required by the conventions, in seconds and in tokens.
SECONDS_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS_BOUNDS = tuple(float(4**power) for power in range(14))

#: The conventions' names of our providers; others keep our names.
PROVIDERS = {
    "google": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "moonshot": "moonshot_ai",
}
#: The provider of a dialect, if the host does not tell.
OF_DIALECT = {
    "anthropic": "anthropic",
    "openai_responses": "openai",
    "openai_chat": "openai",
    "openai_assistants": "openai",
    "gemini": "gcp.gen_ai",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "ollama": "ollama",
}
#: Request settings by their names in the dialects.
REQUEST_SETTINGS = {
    "gen_ai.request.max_tokens": (
        int,
        ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"),
    ),
    "gen_ai.request.temperature": (float, ("temperature",)),
    "gen_ai.request.top_p": (float, ("top_p", "topP", "p")),
    "gen_ai.request.top_k": (int, ("top_k", "topK", "k")),
    "gen_ai.request.frequency_penalty": (float, ("frequency_penalty", "frequencyPenalty")),
    "gen_ai.request.presence_penalty": (float, ("presence_penalty", "presencePenalty")),
    "gen_ai.request.seed": (int, ("seed",)),
    "gen_ai.request.choice.count": (int, ("n", "candidateCount")),
}
STOP_SEQUENCES = "gen_ai.request.stop_sequences"
