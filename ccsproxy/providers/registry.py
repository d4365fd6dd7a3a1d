"""The registry of providers by host: the name of their upstream, and the dialect they speak."""

import re

import attr


@attr.frozen
class Provider:
    """One API of a vendor or seller of models.

    :ivar name: the default NAME of an upstream there.
    :ivar provider: the provider's name in records and dialects.
    :ivar url: the address of the API; empty if every customer has their own.
    :ivar host: a pattern for complete host names.
    """

    name: str
    provider: str
    url: str
    host: re.Pattern[str]


def _provider(name: str, url: str, host: str, provider: str = "") -> Provider:
    return Provider(name, provider or name, url, re.compile(host))


#: Special cases precede general ones.
PROVIDERS = (
    _provider("anthropic", "https://api.anthropic.com", r"(.+\.)?(anthropic|claude)\.com"),
    _provider("openai", "https://api.openai.com", r"(.+\.)?openai\.com"),
    _provider("chatgpt", "https://chatgpt.com/backend-api/codex", r"(.+\.)?chatgpt\.com", "openai"),
    _provider("google", "https://generativelanguage.googleapis.com", r"generativelanguage\.googleapis\.com"),
    _provider("codeassist", "https://cloudcode-pa.googleapis.com", r"(.+-)?cloudcode-pa\.googleapis\.com", "google"),
    _provider("vertex", "", r"(.+-)?aiplatform\.googleapis\.com|aiplatform\..+\.rep\.googleapis\.com"),
    _provider("azure", "", r".+\.openai\.azure\.(com|us|cn)|.+\.cognitiveservices\.azure\.(com|us|cn)"),
    _provider("foundry", "", r".+\.services\.ai\.azure\.(com|us|cn)", "azure"),
    _provider("bedrock", "", r"bedrock(-runtime|-mantle)?(-fips)?\..+\.(amazonaws\.com(\.cn)?|api\.aws)"),
    _provider("openrouter", "https://openrouter.ai/api", r"(.+\.)?openrouter\.ai"),
    _provider("deepseek", "https://api.deepseek.com", r"(.+\.)?deepseek\.com"),
    _provider("mistral", "https://api.mistral.ai", r"(.+\.)?mistral\.ai"),
    _provider("groq", "https://api.groq.com/openai", r"(.+\.)?groq\.com"),
    _provider("xai", "https://api.x.ai", r"(.+\.)?x\.ai|(.+\.)?grok\.com"),
    _provider("moonshot", "https://api.moonshot.ai", r"(.+\.)?moonshot\.(ai|cn)|(.+\.)?kimi\.com"),
    _provider("zai", "https://api.z.ai/api/paas", r"(.+\.)?z\.ai"),
    _provider("glm", "https://open.bigmodel.cn/api/paas", r"(.+\.)?bigmodel\.cn"),
    _provider("qwen", "https://dashscope-intl.aliyuncs.com", r"dashscope(-intl|-us)?\.aliyuncs\.com"),
    _provider("minimax", "https://api.minimax.io", r"(.+\.)?minimax\.io|(.+\.)?minimaxi\.com"),
    _provider("together", "https://api.together.xyz", r"(.+\.)?together\.(xyz|ai)"),
    _provider("fireworks", "https://api.fireworks.ai/inference", r"(.+\.)?fireworks\.ai"),
    _provider("cerebras", "https://api.cerebras.ai", r"(.+\.)?cerebras\.ai"),
    _provider("perplexity", "https://api.perplexity.ai", r"(.+\.)?perplexity\.ai"),
    _provider("cohere", "https://api.cohere.com", r"(.+\.)?cohere\.(com|ai)"),
    _provider("copilot", "https://api.githubcopilot.com", r"(.+\.)?githubcopilot\.com"),
    _provider("github", "https://models.github.ai/inference", r"models\.github\.ai"),
    _provider("huggingface", "https://router.huggingface.co", r"(.+\.)?huggingface\.co|.+\.huggingface\.cloud"),
    _provider("ollama", "https://ollama.com", r"(.+\.)?ollama\.com"),
)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Servers that listen on a port of this machine by default.
_LOCAL_PORTS = {11434: "ollama", 1234: "lmstudio"}


def provider_at(host: str) -> Provider | None:
    """Return the provider behind a host name; None if unknown."""
    host = host.lower().rstrip(".")
    return next((provider for provider in PROVIDERS if provider.host.fullmatch(host)), None)


def upstream_name(host: str, port: int | None = None) -> str:
    """Return the default NAME of an upstream: the provider's, or else the host.

    :param host: host name or address, without brackets.
    :param port: TCP port, which distinguishes the servers of this machine.
    """
    return _local(host, port) or _known(host, "name") or host


def upstream_provider(host: str, port: int | None = None) -> str:
    """Return the provider of an upstream, empty when it is not known; see `upstream_name`."""
    return _local(host, port) or _known(host, "provider")


def _known(host: str, field: str) -> str:
    provider = provider_at(host)
    return "" if provider is None else str(getattr(provider, field))


def _local(host: str, port: int | None) -> str:
    return _LOCAL_PORTS.get(port or 0, "") if host in _LOOPBACK else ""
