"""Keeps secrets out of everything that is kept, shown or logged."""

from ccsproxy.redaction.redactor import Redactor, redactors
from ccsproxy.redaction.spans import PLACEHOLDER

__all__ = ["PLACEHOLDER", "Redactor", "redactors"]
