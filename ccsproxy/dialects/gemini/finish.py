"""Why a candidate ended, also when a server writes the enumeration's numbers (protobuf over REST)."""

from typing import Any

#: ``FinishReason`` of google.ai.generativelanguage.v1beta and of google.cloud.aiplatform.v1; they part after OTHER.
_COMMON = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
_PUBLIC = (
    *_COMMON,
    *("LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY"),
    *("UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "NO_IMAGE"),
)
_VERTEX = (*_COMMON, "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR")


def finish_word(reason: Any, vertex: bool) -> str | None:
    """Return the word for a finish reason; None while there is none.

    :param reason: a word or a number; unknown numbers are kept as digits.
    :param vertex: the answer is from Vertex AI.
    """
    if isinstance(reason, str):
        return reason or None
    if type(reason) is not int or reason <= 0:
        return None
    # Two enumerations that part after OTHER: 6 is LANGUAGE in the one and BLOCKLIST in the other.
    words = _VERTEX if vertex else _PUBLIC
    return words[reason] if reason < len(words) else str(reason)
