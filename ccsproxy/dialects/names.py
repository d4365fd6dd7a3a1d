"""What the dialects are called, for those who must know the names without loading what reads them."""

#: The `name` of every wire format of the registry.
NAMES = (
    "anthropic",
    "openai_responses",
    "openai_chat",
    "openai_assistants",
    "openai_realtime",
    "gemini",
    "gemini_live",
    "ollama",
    "cohere",
    "bedrock",
    "generic",
)
