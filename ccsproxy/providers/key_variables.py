"""The environment variables that hold credentials for each provider, and the header field each belongs in.

Sources: the providers' API references and the documentation of their SDKs. For a provider without a variable of its
own, it is ``<NAME>_API_KEY``.
"""

import re
from collections.abc import Mapping

import attr


@attr.frozen
class KeyVariable:
    """An environment variable with a credential.

    :ivar field: the header field that carries it.
    :ivar scheme: the prefix of the field's value.
    """

    variable: str
    field: str = "authorization"
    scheme: str = "Bearer "

    def line(self, value: str) -> tuple[str, str]:
        """Return the header field."""
        return self.field, self.scheme + value


def _google(name: str) -> KeyVariable:
    return KeyVariable(name, "x-goog-api-key", "")


#: By the NAME that an upstream has at a provider's host.
_VARIABLES: Mapping[str, tuple[KeyVariable, ...]] = {
    "anthropic": (
        KeyVariable("ANTHROPIC_API_KEY", "x-api-key", ""),
        KeyVariable("ANTHROPIC_AUTH_TOKEN"),
        KeyVariable("CLAUDE_CODE_OAUTH_TOKEN"),
    ),
    "google": (_google("GEMINI_API_KEY"), _google("GOOGLE_API_KEY")),
    # the variable of gcloud for `gcloud auth print-access-token`
    "vertex": (KeyVariable("CLOUDSDK_AUTH_ACCESS_TOKEN"),),
    "codeassist": (KeyVariable("CLOUDSDK_AUTH_ACCESS_TOKEN"),),
    "azure": (KeyVariable("AZURE_OPENAI_API_KEY", "api-key", ""), KeyVariable("AZURE_OPENAI_AD_TOKEN")),
    "foundry": (KeyVariable("AZURE_OPENAI_API_KEY", "api-key", ""), KeyVariable("AZURE_OPENAI_AD_TOKEN")),
    "bedrock": (KeyVariable("AWS_BEARER_TOKEN_BEDROCK"),),
    "chatgpt": (KeyVariable("CHATGPT_ACCESS_TOKEN"),),
    "cohere": (KeyVariable("CO_API_KEY"), KeyVariable("COHERE_API_KEY")),
    "glm": (KeyVariable("ZHIPUAI_API_KEY"), KeyVariable("ZAI_API_KEY")),
    "qwen": (KeyVariable("DASHSCOPE_API_KEY"),),
    "copilot": (KeyVariable("GITHUB_COPILOT_TOKEN"),),
    "github": (KeyVariable("GITHUB_TOKEN"),),
    "huggingface": (KeyVariable("HF_TOKEN"),),
}


def key_variables(name: str) -> tuple[KeyVariable, ...]:
    """Return the variables of an upstream, the preferred ones first.

    :param name: the NAME of the provider's upstream (`ccsproxy.providers.registry`), or any other.
    """
    # Shells do not accept variables that begin with a digit.
    spelled = re.sub(r"\W", "_", name, flags=re.ASCII).upper().lstrip("0123456789_").rstrip("_") or "UPSTREAM"
    return _VARIABLES.get(name, (KeyVariable(f"{spelled}_API_KEY"),))
