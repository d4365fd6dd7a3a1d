"""The redactor interface of the recorder, and an implementation that replaces nothing."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ccsproxy.exchange.record import Pairs
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.streams.gathered import Gathered


class Redactor(Protocol):
    """Replaces the secrets of one exchange (`ccsproxy.redaction.Redactor`).

    What it has met as a secret in headers and target it finds in everything that it is given later.

    :ivar report: what was replaced since it was put there.
    """

    report: SecretReport

    def headers(self, pairs: Pairs, where: str) -> Pairs:
        """Replace them in header lines."""

    def target(self, target: str, where: str) -> str:
        """Replace them in a request target."""

    def tree(self, value: Any, where: str) -> Any:
        """Replace them in a JSON value."""

    def items(self, body: dict[str, Any], where: str) -> dict[str, Any] | None:
        """Replace them in a body with `SentItems`, of which those that are clean come as records write them.

        :return: None where the body, read plainly, is to be given to `tree`.
        """

    def text(self, text: str, where: str) -> str:
        """Replace them in text."""

    def look_ahead(self, trees: Iterable[Any], texts: Iterable[str]) -> None:
        """Search small JSON values and texts that will be given by themselves, all of them at once."""

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Tell quickly that texts hold none; false says nothing."""

    def form(self, body: str, where: str) -> str:
        """Replace them in a form's body."""

    def multipart(self, body: str, where: str) -> str:
        """Replace them in a form's body of several parts."""

    def binary(self, body: bytes, where: str) -> bytes:
        """Replace them in bytes that are no text."""

    def gathering(self) -> Gathered | None:
        """Return what the events of a stream may be shown to while they are read."""

    def stream(self, text: str, kind: str, gathered: Gathered | None, where: str) -> str:
        """Replace them in the text of a stream, so that it still parses."""


def form_redaction(redactor: Redactor, content_type: str) -> Callable[[Any, str], str] | None:
    """Return what redacts the fields of a form, None for a body that is none."""
    if "x-www-form-urlencoded" in content_type:
        return redactor.form
    return redactor.multipart if "multipart/form-data" in content_type else None


class Unredacted:
    """Stands for a redactor that replaces nothing (``--no-redact``)."""

    def __init__(self) -> None:
        self.report = SecretReport()

    def headers(self, pairs: Pairs, where: str) -> Pairs:
        """Return the header pairs as they are."""
        return pairs

    def target(self, target: str, where: str) -> str:
        """Return the request target as it is."""
        return target

    def tree(self, value: Any, where: str) -> Any:
        """Return the JSON value as it is."""
        return value

    def items(self, body: dict[str, Any], where: str) -> dict[str, Any] | None:
        """Nothing is remembered of items."""
        return None

    def text(self, text: str, where: str) -> str:
        """Return the text as it is."""
        return text

    def look_ahead(self, trees: Iterable[Any], texts: Iterable[str]) -> None:
        """Nothing is looked for."""

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Nothing is looked for."""
        return True

    def form(self, body: str, where: str) -> str:
        """Return the form body as it is."""
        return body

    def multipart(self, body: str, where: str) -> str:
        """Return the form body as it is."""
        return body

    def binary(self, body: bytes, where: str) -> bytes:
        """Return the binary body as it is."""
        return body

    def gathering(self) -> Gathered | None:
        """Return nothing: nobody looks at a stream's texts."""
        return None

    def stream(self, text: str, kind: str, gathered: Gathered | None, where: str) -> str:
        """Return the stream's text as it is."""
        return text
