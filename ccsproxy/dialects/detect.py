"""Detects the dialect of an exchange, from its request alone or together with its response's head."""

from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.protocol import WireFormat
from ccsproxy.dialects.reading import AnswerReader
from ccsproxy.dialects.registry import FORMATS, GENERIC, SOCKET_FORMATS
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category

_BY_PROVIDER = {
    "anthropic": "anthropic",
    "mistral": "openai_chat",
    "deepseek": "openai_chat",
    "openrouter": "openai_chat",
}


class Dialect:
    """The dialect of one exchange.

    :ivar name: the dialect's name, as records have it.
    :ivar category: what kind of call it is.
    :ivar model: the requested model; None if the request names none.
    """

    def __init__(self, wire_format: WireFormat, routed: Routed, model: str | None) -> None:
        self.name = wire_format.name
        self.category = routed.category
        self.model = model
        self._format = wire_format

    def reader(self, facts: Facts) -> AnswerReader:
        """Make the reader for the response body.

        :param facts: the same facts, with the head of the response.
        """
        return AnswerReader(self._format, facts)


def detect(facts: Facts) -> Dialect:
    """Determine the dialect of an exchange; there always is one, at least the generic one.

    The route and the body of the request decide, or else the family that the user forces. The reader may switch to
    another dialect if the first event of the answer proves it.
    """
    wire_format, routed = _choose(facts, split_target(facts.method, facts.target))
    asked = facts.request_member("model")
    return Dialect(wire_format, routed, asked if isinstance(asked, str) and asked else facts.model or routed.model)


def _choose(facts: Facts, path: Path) -> tuple[WireFormat, Routed]:
    if facts.socket:
        spoken = next((each for each in (*FORMATS, *SOCKET_FORMATS) if each.name == facts.socket), GENERIC)
        return spoken, Routed(Category.OTHER if spoken is GENERIC else Category.MODEL)
    for wire_format in FORMATS:
        # A forced family does not apply to formats without a family (Ollama, Cohere).
        if facts.forced and wire_format.family and facts.forced not in wire_format.family:
            continue
        routed = wire_format.route(facts, path)
        if routed is not None:
            return wire_format, routed
    routed = GENERIC.route(facts, path)
    if routed.category is not Category.MODEL:
        return GENERIC, routed
    return _by_body(facts), routed


def _by_body(facts: Facts) -> WireFormat:
    """Choose the format of a model call on an unknown route from body, provider and forced family."""
    known = {wire_format.name: wire_format for wire_format in FORMATS}
    if facts.request_member("messages") is None and facts.request_member("input") is not None:
        return known["openai_responses"] if facts.forced == "codex" else GENERIC  # embeddings have an input, too
    if facts.request_member("contents") is not None:
        return known["gemini"]
    if facts.forced == "claude" or facts.request_member("anthropic_version") is not None:
        return known["anthropic"]
    if facts.forced == "codex":
        return known["openai_chat"]
    # A request without a conversation is for another service of the provider: documents, agents.
    if facts.request_member("messages") is None and facts.request_member("prompt") is None:
        return GENERIC
    return known.get(_BY_PROVIDER.get(facts.provider, ""), GENERIC)
