"""Keeps secrets out of everything that is kept, shown or logged."""

from ccsproxy.redaction.redactor import Redactor, redactors
from ccsproxy.redaction.rules import Rules
from ccsproxy.redaction.tags import PLACEHOLDER, Tagger

__all__ = ["PLACEHOLDER", "Redactor", "Rules", "Tagger", "redactors"]
