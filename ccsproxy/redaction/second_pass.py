"""The second pass over a part of an exchange in which a secret was found that may occur without its name as well.

A password is found behind its name, in a file that a tool read; the model then repeats it in a sentence, and the same
part may have had it further up. Whoever knows it searches once more.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from ccsproxy.redaction.report import SecretReport

T = TypeVar("T")


class Learning(Protocol):
    """A redactor that remembers the secrets that it finds (`ccsproxy.redaction.redactor.Redactor`).

    :ivar report: what was removed.
    """

    report: SecretReport

    @property
    def known(self) -> int:
        """The number of remembered secrets."""


def redact_twice(redactor: Learning, redact: Callable[[], T]) -> T:
    """Redact a part, and once more from its original if secrets were learned meanwhile.

    :param redact: redacts the part, with what is known when it is called.
    :return: what `redact` returned last; its findings alone are reported.
    """
    report, before = redactor.report, redactor.known
    try:
        redactor.report = SecretReport()
        result = redact()
        if redactor.known > before:
            redactor.report = SecretReport()
            result = redact()
        report.merge(redactor.report)
    finally:
        redactor.report = report
    return result
