"""Resellers that charge a model's own list price: Claude on Amazon Bedrock and on Google Vertex AI.

Anthropic's price page states for both that their global endpoints cost the same as its own API, and endpoints that
keep a call in one region or area a tenth more, from Claude 4.5 on. Other resellers' prices are not included, or
cannot be derived from a call; `unlisted` returns the reason.
"""

import re
from urllib.parse import urlsplit

import attr

#: Amazon's names (``us.anthropic.claude-sonnet-4-5-20250929-v1:0``), and Google's (``claude-sonnet-4-5@20250929``).
_BEDROCK = re.compile(
    r"(?:(?P<area>global|us|eu|apac|au|jp|ca)\.)?anthropic\.(?P<model>claude-[a-z0-9.-]+?)(?:-v\d+(?::\d+)*)?"
)
_VERTEX = re.compile(r"(?P<model>claude-[a-z0-9.-]+)(?:@(?P<date>20\d{6}|latest|default))?")
_VERSION = re.compile(r"-(\d{1,2})(?:[.-](\d{1,2}))?(?![\d])")
#: From this version on, Claude costs more in a single region or area.
_FIRST_WITH_AREAS = (4, 5)
_AREA = 1.1
_GLOBAL_HOST = "aiplatform.googleapis.com"


#: Why a seller's prices are in no list, by provider.
_UNLISTED = {
    "azure": "Azure's price depends on how the deployment was made (global, data zone, regional, provisioned), "
    "which calls do not contain; use a price file for yours",
    "bedrock": "Amazon's prices differ by region, and of its list only Claude's follow from the maker's",
    "vertex": "Google's prices on Vertex AI differ by region, and of its list only Claude's follow from the maker's",
    "copilot": "GitHub Copilot bills premium requests of a subscription, not tokens",
    "github": "GitHub Models bills units of its own, not tokens",
    "openrouter": "OpenRouter reports the cost of a call itself, but not in this answer",
    "huggingface": "Hugging Face passes on the price of whichever provider it chose",
    "ollama": "a model that runs here, or under a subscription, has no price per token",
    "lmstudio": "a model that runs here has no price per token",
}


def unlisted(provider: str) -> str:
    """Return why the prices of a provider are not listed; empty if there is no particular reason."""
    return _UNLISTED.get(provider, "")


@attr.frozen
class Resale:
    """The price of a reseller's model in terms of its vendor's price.

    :ivar model: the vendor's name of the model.
    :ivar maker: the vendor whose list price is used.
    :ivar factor: the factor on that price.
    """

    model: str
    maker: str
    factor: float


def resale(model: str, provider: str, url: str = "") -> Resale | None:
    """Return how to price a model that a reseller sold; None if its price cannot be derived.

    :param model: the reseller's name of the model.
    :param provider: the reseller.
    :param url: the upstream's address, whose host contains Google's region.
    """
    if provider == "bedrock":
        found = _BEDROCK.fullmatch(model)
        everywhere = found is not None and found.group("area") == "global"
    elif provider == "vertex":
        found = _VERTEX.fullmatch(model)
        everywhere = (urlsplit(url).hostname or "") == _GLOBAL_HOST
    else:
        return None
    if found is None:
        return None
    name = found.group("model")
    version = _VERSION.search(name)
    if version is None:
        return None
    premium = (int(version.group(1)), int(version.group(2) or 0)) >= _FIRST_WITH_AREAS and not everywhere
    date = found.groupdict().get("date") or ""
    return Resale(f"{name}-{date}" if date.isdigit() else name, "anthropic", _AREA if premium else 1.0)


def priced_model(requested: str | None, answered: str | None) -> str | None:
    """Return the model by which a call is priced: the one that answered, under the requested name if more specific.

    An answer on Bedrock contains Anthropic's name of the model; only the request names the area.
    """
    if requested and answered and requested != answered and "anthropic." in requested and answered in requested:
        return requested
    return answered or requested
