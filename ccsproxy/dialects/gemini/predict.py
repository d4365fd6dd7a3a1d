"""Vertex's ``:predict``, which serves embeddings, images and the models before Gemini."""

from typing import Any

from ccsproxy.dialects.counts import count
from ccsproxy.dialects.json_body import member
from ccsproxy.exchange.usage import Usage


def prediction_usage(value: Any) -> Usage | None:
    """Map the counts of an answer: of each text that was embedded, or the ``tokenMetadata`` of a text model."""
    metadata = member(value, "metadata")
    tokens = member(metadata, "tokenMetadata")
    if isinstance(tokens, dict):
        sides = [count(member(tokens.get(side), "totalTokens")) for side in ("inputTokenCount", "outputTokenCount")]
        return Usage(input_tokens=sides[0], output_tokens=sides[1], raw=metadata)
    predictions = member(value, "predictions")
    statistics = [
        member(member(each, "embeddings"), "statistics")
        for each in (predictions if isinstance(predictions, list) else ())
    ]
    counts = [count(member(each, "token_count")) for each in statistics]
    known = [each for each in counts if each is not None]
    # A sum over some of the texts would be a guess at all of them.
    if not known or len(known) < len(counts):
        return None
    return Usage(input_tokens=sum(known), raw={"statistics": statistics})
