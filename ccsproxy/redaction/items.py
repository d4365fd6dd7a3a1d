"""Redacting a body that contains a conversation: items that were found clean before are recognised by their bytes.

The result is the same as redacting the whole body: the lists of messages, tools and system prompts imply nothing
about the objects in them (no name in `LISTS` is that of a secret), and no secret continues from one object into the
next.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ccsproxy.exchange.depth import nested_too_deeply
from ccsproxy.redaction.item_memory import ItemMemory
from ccsproxy.redaction.tree import texts_of
from ccsproxy.wire import jsontext
from ccsproxy.wire.json_items import SentItems, WrittenItems

#: The lists of a request body whose items are repeated in the next call.
LISTS = ("messages", "input", "contents", "tools", "system")


class Redacting(Protocol):
    """Redacts values and texts (`ccsproxy.redaction.Redactor`)."""

    def tree(self, value: Any, where: str) -> Any:
        """Replace secrets in a JSON value."""

    def holds_none(self, texts: Iterable[str]) -> bool:
        """Tell quickly that no text contains a secret; false means that one may."""


def redact_items(
    redactor: Redacting, memory: ItemMemory, secrets: Sequence[str], body: Mapping[str, Any], where: str
) -> dict[str, Any] | None:
    """Return a body without its secrets, with clean items in the form that records use.

    :param secrets: those found elsewhere in the exchange.
    :param body: with lists that are `SentItems`.
    :param where: how the body is named in the report.
    :return: None if it must be redacted as one tree: there are secrets outside the lists, or it is nested too
    deeply.
    """
    rest = {name: value for name, value in body.items() if value.__class__ is not SentItems}
    # Also if it must be redacted as one tree, so that findings are reported in the order of the body.
    texts = texts_of(rest)
    if texts is None or nested_too_deeply(rest) or not redactor.holds_none(texts):
        return None
    lists = {name: _Items(memory, secrets, value) for name, value in body.items() if name not in rest}
    new = [value for each in lists.values() for value in each.new.values()]
    if new and nested_too_deeply([[new]]):
        return None
    clean = _are_clean(redactor, new)
    return {
        name: lists[name].redacted(redactor, clean, f"{where}.{name}") if name in lists else value
        for name, value in body.items()
    }


def _are_clean(redactor: Redacting, values: list[Any]) -> bool:
    """Tell whether values certainly contain no secrets."""
    texts = texts_of(values)
    return texts is not None and redactor.holds_none(texts)


class _Items:
    """The items of a list.

    :ivar new: those that are not in the cache, by index.
    """

    def __init__(self, memory: ItemMemory, secrets: Sequence[str], items: SentItems) -> None:
        self._memory, self._sent = memory, items.sent
        self._names = memory.names(items.sent, secrets)
        self._forms = memory.known(self._names)
        self.new = {at: items[at] for at, form in enumerate(self._forms) if form is None}

    def redacted(self, redactor: Redacting, clean: bool, where: str) -> WrittenItems:
        """Return the items without secrets, clean ones in the form that records use.

        :param clean: whether all new items are known to be clean.
        """
        written = [
            form or (None if form is None else sent) for form, sent in zip(self._forms, self._sent, strict=True)
        ]
        found: list[Any] = [None if form is None else msgspec.Raw(form) for form in written]
        for at, value in self.new.items():
            if not clean and not _are_clean(redactor, [value]):
                found[at] = redactor.tree(value, f"{where}[{at}]")
                continue
            written[at] = form = self._remembered(at, value)
            found[at] = value if form is None else msgspec.Raw(form)
        return WrittenItems(found, written)

    def _remembered(self, at: int, value: Any) -> bytes | None:
        form, sent = jsontext.dumps_strictly(value), self._sent[at]
        if form is None:
            return None
        self._memory.remember(self._names[at], sent, form)
        return sent if form == sent else form
