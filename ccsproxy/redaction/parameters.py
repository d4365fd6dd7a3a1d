"""Redaction of the parameters of a request target or a form."""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from ccsproxy.redaction.kinds.named.names import secret_parameter
from ccsproxy.redaction.search.finding import FoundSecret

_PARAMETER = re.compile(r"[^&;]+")


class ValueRedactor(Protocol):
    """The redactor of one exchange, as far as single values are concerned (see `ccsproxy.redaction.redactor`)."""

    def learn(self, value: str) -> None:
        """Remember a secret, so that its echoes are found."""

    def secret(self, value: str, where: str) -> str:
        """Return the placeholder for a secret value."""

    def text(self, text: str, where: str) -> str:
        """Return a text without its secrets."""

    def find(self, text: str) -> Sequence[FoundSecret]:
        """Return the secrets in a text."""


def redact_parameters(redactor: ValueRedactor, query: str, decode: Callable[[str], str], where: str) -> str:
    """Return parameters without secret values; the others are searched both raw and decoded.

    All secret values are learned first: one may be echoed in a parameter before its own.

    :param decode: undoes the percent-encoding of a name or value.
    :param where: the place in the record.
    """
    for parameter in _PARAMETER.findall(query):
        name, _, value = parameter.partition("=")
        if value and secret_parameter(decode(name)):
            redactor.learn(decode(value))
            redactor.learn(value)
    return _PARAMETER.sub(lambda match: _parameter(redactor, match.group(), decode, where), query)


def _parameter(redactor: ValueRedactor, parameter: str, decode: Callable[[str], str], where: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals:
        return redactor.text(parameter, where)
    place = f"{where}.{decode(name)}"
    if secret_parameter(decode(name)) or ("%" in value and redactor.find(decode(value))):
        return f"{name}={redactor.secret(value, place)}"
    return f"{redactor.text(name, where)}={redactor.text(value, place)}"
