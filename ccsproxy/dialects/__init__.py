"""What the bytes mean, sans-IO: one LLM wire format a file."""

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.detect import Dialect, detect
from ccsproxy.dialects.facts import Facts

__all__ = ["DecodedResponse", "Dialect", "Facts", "detect"]
