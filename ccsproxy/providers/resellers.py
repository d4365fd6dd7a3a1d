"""Resellers that charge a model's own list price: Claude on Amazon Bedrock and on Google Vertex AI.

Anthropic's price page says so of both: their global endpoints cost what its own API does, and those that keep a call
in one region or area cost a tenth more, from Claude 4.5 on. Other resellers' prices are not in any list that comes
with this version, or do not follow from what a call says; `unlisted` tells why.
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
#: Claude from this version on costs more where it stays in one region or area.
_FIRST_WITH_AREAS = (4, 5)
_AREA = 1.1
_GLOBAL_HOST = "aiplatform.googleapis.com"


#: Why a seller's prices are in no list, by provider.
_UNLISTED = {
    "azure": "Azure's price depends on how the deployment was made (global, data zone, regional, provisioned), "
    "which no call says; a price file can tell yours",
    "bedrock": "Amazon's prices differ by region, and of its list only Claude's follow from the maker's",
    "vertex": "Google's prices on Vertex AI differ by region, and of its list only Claude's follow from the maker's",
    "copilot": "GitHub Copilot bills premium requests of a subscription, not tokens",
    "github": "GitHub Models bills units of its own, not tokens",
    "openrouter": "OpenRouter says itself what a call cost, and this answer does not",
    "huggingface": "Hugging Face passes on the price of whichever provider it chose",
    "ollama": "a model that runs here, or under a subscription, has no price per token",
    "lmstudio": "a model that runs here has no price per token",
}


def unlisted(provider: str) -> str:
    """Return why the prices of a provider are in no list, empty where there is nothing to say."""
    return _UNLISTED.get(provider, "")


@attr.frozen
class Resale:
    """What a reseller's model is.

    :ivar model: as its maker names it.
    :ivar maker: whose list price counts.
    :ivar factor: by which it is multiplied.
    """

    model: str
    maker: str
    factor: float


def resale(model: str, provider: str, url: str = "") -> Resale | None:
    """Return what a model that a reseller sold costs by, None where its price follows from nobody's list.

    :param model: as the reseller names it.
    :param provider: who sold it.
    :param url: the upstream's address, whose host says where Google served from.
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


def priced_model(asked: str | None, answered: str | None) -> str | None:
    """Return the model that a call is priced by: the one that answered, under the fuller name if it was asked for so.

    An answer on Bedrock names Claude as its maker does; only the request says in which area it was to run.
    """
    if asked and answered and asked != answered and "anthropic." in asked and answered in asked:
        return asked
    return answered or asked
