"""Redacting a body that contains a conversation: items that were found clean before are recognised by their bytes.

The result is the same as redacting the whole body: the lists of messages, tools and system prompts imply nothing
about the objects in them (no name in `LISTS` is that of a secret), and no secret continues from one object into the
next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ccsproxy.exchange.depth import nested_too_deeply
from ccsproxy.redaction.item_memory import ItemMemory
from ccsproxy.redaction.tree import texts_of
from ccsproxy.wire import jsontext
from ccsproxy.wire.json_items import WRAPPER, SentItems, WrittenItems, wrapped

#: The lists of a request body whose items are repeated in the next call.
LISTS = ("messages", "input", "contents", "tools", "system")

#: The bytes of new items that are looked at together.
_TOGETHER = 1 << 20


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
    :param body: with lists that are `SentItems`, or such in the request that it wraps.
    :param where: how the body is named in the report.
    :return: None if it must be redacted as one tree: there are secrets outside the lists, or it is nested too
    deeply.
    """
    inner = wrapped(body)
    lists = [_Lists(memory, secrets, body, where)]
    if any(value.__class__ is SentItems for value in inner.values()):
        lists.append(_Lists(memory, secrets, inner, f"{where}.{WRAPPER}", above=1))
        lists[0].rest.pop(WRAPPER)
    # Also if it must be redacted as one tree, so that findings are reported in the order of the body.
    if not all(each.are_apart(redactor) for each in lists):
        return None
    found = [each.redacted(redactor) for each in lists]
    return found[0] if len(found) == 1 else {**found[0], WRAPPER: found[1]}


class _Lists:
    """An object with lists of items, and what else is in it.

    :ivar rest: its other members.
    """

    def __init__(
        self, memory: ItemMemory, secrets: Sequence[str], body: Mapping[str, Any], where: str, above: int = 0
    ) -> None:
        """Look up which items are known.

        :param above: how many levels of the body are above it.
        """
        self._body, self._where, self._above = body, where, above
        self.rest = {name: value for name, value in body.items() if value.__class__ is not SentItems}
        self._lists = {
            name: _Items(memory, secrets, value) for name, value in body.items() if value.__class__ is SentItems
        }

    def are_apart(self, redactor: Redacting) -> bool:
        """Tell whether items can be redacted by themselves: there is no secret beside them, and none is too deep."""
        texts = texts_of(self.rest)
        return (
            texts is not None
            and not nested_too_deeply([self.rest] if self._above else self.rest)
            and redactor.holds_none(texts)
            and all(each.search(redactor, self._above) for each in self._lists.values())
        )

    def redacted(self, redactor: Redacting) -> dict[str, Any]:
        """Return it without secrets."""
        return {
            name: self._lists[name].redacted(redactor, f"{self._where}.{name}") if name in self._lists else value
            for name, value in self._body.items()
        }


def _are_clean(redactor: Redacting, values: list[Any]) -> bool:
    """Tell whether values certainly contain no secrets."""
    texts = texts_of(values)
    return texts is not None and redactor.holds_none(texts)


class _Items:
    """The items of a list; new ones are decoded a megabyte at a time, lest a list of many megabytes be held twice."""

    def __init__(self, memory: ItemMemory, secrets: Sequence[str], items: SentItems) -> None:
        self._memory, self._items, self._sent = memory, items, items.sent
        self._names = memory.names(items.sent, secrets)
        self._forms = memory.known(self._names)
        self._unclean: set[int] = set()

    def search(self, redactor: Redacting, above: int) -> bool:
        """Look which new items may hold secrets; tell whether none of them is nested too deeply.

        :param above: how many levels of the body are above the object with the list.
        """
        for batch in self._batches():
            new = [self._items[at] for at in batch]
            if nested_too_deeply([[[new]]] if above else [[new]]):
                return False
            if not _are_clean(redactor, new):
                self._unclean.update(batch)
        return True

    def redacted(self, redactor: Redacting, where: str) -> WrittenItems:
        """Return the items without secrets, clean ones in the form that records use."""
        written = [
            form or (None if form is None else sent) for form, sent in zip(self._forms, self._sent, strict=True)
        ]
        found: list[Any] = [None if form is None else msgspec.Raw(form) for form in written]
        for batch in self._batches():
            for at in batch:
                value = self._items[at]
                if at in self._unclean and not _are_clean(redactor, [value]):
                    found[at] = redactor.tree(value, f"{where}[{at}]")
                    continue
                written[at] = form = self._remembered(at, value)
                found[at] = value if form is None else msgspec.Raw(form)
        return WrittenItems(found, written)

    def _batches(self) -> Iterator[list[int]]:
        """Yield the places of new items."""
        batch: list[int] = []
        size = 0
        for at, form in enumerate(self._forms):
            if form is None:
                batch.append(at)
                size += len(self._sent[at])
                if size >= _TOGETHER:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _remembered(self, at: int, value: Any) -> bytes | None:
        form, sent = jsontext.dumps_strictly(value), self._sent[at]
        if form is None:
            return None
        self._memory.remember(self._names[at], sent, form)
        return sent if form == sent else form
