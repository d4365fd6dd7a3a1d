"""LLM wire formats, without I/O: one dialect per folder or module."""

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.detect import Dialect, detect
from ccsproxy.dialects.facts import Facts

__all__ = ["DecodedResponse", "Dialect", "Facts", "detect"]
