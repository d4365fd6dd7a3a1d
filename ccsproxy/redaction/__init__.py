"""Redaction: keeps secrets out of everything that is kept, shown or logged."""

from ccsproxy.redaction.kinds.tags import PLACEHOLDER, Tagger
from ccsproxy.redaction.redactor import Redactor, redactors
from ccsproxy.redaction.search.rules import Rules

__all__ = ["PLACEHOLDER", "Redactor", "Rules", "Tagger", "redactors"]
