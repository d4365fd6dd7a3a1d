"""The redactor interface of the recorder, and an implementation that replaces nothing."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ccsproxy.exchange.record import Pairs
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.streams.gathered import Gathered


class Redactor(Protocol):
    """Replaces the secrets of one exchange (`ccsproxy.redaction.Redactor`).

    Secrets found in headers and target are also found in everything that is redacted later.

    :ivar report: what was replaced since the report was set.
    """

    report: SecretReport

    @property
    def known(self) -> int:
        """The number of secrets that are known, and found wherever they occur."""

    def headers(self, pairs: Pairs, where: str) -> Pairs:
        """Replace them in header lines."""

    def target(self, target: str, where: str) -> str:
        """Replace them in a request target."""

    def tree(self, value: Any, where: str) -> Any:
        """Replace them in a JSON value."""

    def items(self, body: dict[str, Any], where: str) -> dict[str, Any] | None:
        """Replace secrets in a body with `SentItems`, whose clean items keep the form of records.

        :return: None if the body, fully decoded, has to be passed to `tree`.
        """

    def text(self, text: str, where: str) -> str:
        """Replace them in text."""

    def look_ahead(self, trees: Iterable[Any], texts: Iterable[str]) -> None:
        """Search small JSON values and texts that will be given by themselves, all of them at once."""

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Tell quickly that no text contains a secret; false means that one may."""

    def form(self, body: str, where: str) -> str:
        """Replace them in a form's body."""

    def multipart(self, body: str, where: str) -> str:
        """Replace them in a form's body of several parts."""

    def binary(self, body: bytes, where: str) -> bytes:
        """Replace secrets in bytes that are not text."""

    def gathering(self) -> Gathered | None:
        """Return an observer for the events of a stream while they are read."""

    def stream(self, text: str, kind: str, gathered: Gathered | None, where: str) -> str:
        """Replace them in the text of a stream, so that it still parses."""


def form_redaction(redactor: Redactor, content_type: str) -> Callable[[Any, str], str] | None:
    """Return a function that redacts the fields of a form; None for a body that is not one."""
    if "x-www-form-urlencoded" in content_type:
        return redactor.form
    return redactor.multipart if "multipart/form-data" in content_type else None


class Unredacted:
    """A redactor that replaces nothing (``--no-redact``)."""

    #: Nothing is looked for.
    known = 0

    def __init__(self) -> None:
        self.report = SecretReport()

    def headers(self, pairs: Pairs, where: str) -> Pairs:
        """Return the header pairs unchanged."""
        return pairs

    def target(self, target: str, where: str) -> str:
        """Return the request target unchanged."""
        return target

    def tree(self, value: Any, where: str) -> Any:
        """Return the JSON value unchanged."""
        return value

    def items(self, body: dict[str, Any], where: str) -> dict[str, Any] | None:
        """Nothing is remembered of items."""
        return None

    def text(self, text: str, where: str) -> str:
        """Return the text unchanged."""
        return text

    def look_ahead(self, trees: Iterable[Any], texts: Iterable[str]) -> None:
        """Do nothing, because nothing is searched for."""

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Return true without searching."""
        return True

    def form(self, body: str, where: str) -> str:
        """Return the form body unchanged."""
        return body

    def multipart(self, body: str, where: str) -> str:
        """Return the form body unchanged."""
        return body

    def binary(self, body: bytes, where: str) -> bytes:
        """Return the binary body unchanged."""
        return body

    def gathering(self) -> Gathered | None:
        """Return None: the texts of a stream are not observed."""
        return None

    def stream(self, text: str, kind: str, gathered: Gathered | None, where: str) -> str:
        """Return the stream's text unchanged."""
        return text
