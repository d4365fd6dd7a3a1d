"""The distinct system prompts and tool sets: since when, by which client and version, and their differences."""

from collections.abc import Iterable, Mapping
from typing import Any

import attr
import msgspec

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.insight.facts import Call, Item
from ccsproxy.insight.prompt.layout import DigestMemory, layout, seen_entries
from ccsproxy.insight.prompt.parts import digest_of

#: Kinds of prompts, and the level of a request that each is.
KINDS = ("system", "tools")


@attr.define(eq=False)
class Version:
    """One system prompt, or one set of tools, in one version.

    :ivar id: identifies the content.
    """

    id: str
    kind: str
    items: tuple[Item, ...]
    first: Call
    last: Call
    calls: int = 0
    sessions: int = 0
    clients: dict[str, int] = attr.field(factory=dict)

    @property
    def tokens(self) -> int:
        """How long it is, estimated."""
        return sum(item.tokens for item in self.items)

    @property
    def cost(self) -> float | None:
        """The estimated cost of sending it, if each session wrote it to the cache once and then read it."""
        # A call that broke off has no rates, which says nothing about the others.
        rates = self.last.rates or self.first.rates
        if rates is None or rates.input is None:
            return None
        written = rates.input if rates.write_5m is None else rates.write_5m
        read = rates.input if rates.read is None else rates.read
        again = max(self.calls - self.sessions, 0)
        return round(self.tokens * (self.sessions * written + again * read) / 1e6, 6)

    def as_dict(self) -> dict[str, Any]:
        """Write the version as the API lists it."""
        parts = [part for item in self.items for part in item.parts]
        return {
            "id": self.id,
            "kind": self.kind,
            "first_seen": moment(self.first.started_ms),
            "last_seen": moment(self.last.started_ms),
            "first": {"session_id": self.first.session_id, "seq": self.first.seq},
            "last": {"session_id": self.last.session_id, "seq": self.last.seq},
            "calls": self.calls,
            "sessions": self.sessions,
            "clients": sorted(self.clients, key=lambda name: -self.clients[name]),
            "cwd": self.first.cwd or None,
            "tokens": self.tokens,
            "tokens_sent": self.tokens * self.calls,
            "cost": self.cost,
            "bytes": sum(part.size for part in parts),
            "tools": [part.name for part in parts if part.kind == "tool"] if self.kind == "tools" else None,
            "text": next((part.quote for part in parts if part.quote), None),
        }


def prompt_id(call: Call, kind: str) -> str | None:
    """Return the id of a call's system prompt or tool set; None if it has none."""
    return _named(kind, [item.digest for item in call.of_level(kind)])


def prompt_ids(record: Mapping[str, Any], digests: DigestMemory) -> dict[str, str | None]:
    """Return the ids of a record's system prompt and tool set by kind, without building the facts of its call.

    :param record: of a call to a model; messages may be ``msgspec.Raw``.
    :param digests: of values seen before.
    """
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    laid = layout(record.get("dialect"), fields(record.get("request")).get("body"))
    for level, marked in seen_entries(laid, record.get("upstream"), digests) if laid is not None else ():
        if level not in found:
            break  # the messages, which follow both
        found[level].append(marked.digest)
    return {kind: _named(kind, each) for kind, each in found.items()}


def _named(kind: str, digests: list[int]) -> str | None:
    return f"{kind}-{digest_of(msgspec.json.encode(digests)):014x}" if digests else None


def versions(calls: Iterable[Call]) -> list[Version]:
    """Return the distinct prompts, those used last first.

    :param calls: of any sessions, in the order of their start.
    """
    found: dict[str, Version] = {}
    seen: set[tuple[str, str]] = set()
    for call in calls:
        if call.category != "model" or call.role != "main":
            continue
        for kind in KINDS:
            name = prompt_id(call, kind)
            if name is not None:
                items = call.of_level(kind)
                version = found.setdefault(name, Version(name, kind, items, call, call))
                version.sessions += (name, call.session_id) not in seen
                seen.add((name, call.session_id))
                _count(version, call)
    return sorted(found.values(), key=lambda each: -each.last.started_ms)


def _count(version: Version, call: Call) -> None:
    version.calls += 1
    version.last = max(version.last, call, key=lambda each: each.started_ms)
    version.first = min(version.first, call, key=lambda each: each.started_ms)
    client = f"{call.client} {call.version}".strip() or "unknown"
    version.clients[client] = version.clients.get(client, 0) + 1


def predecessor(found: Iterable[Version], version: Version) -> Version | None:
    """Return the previous version of the same kind and client; None if there is none.

    A version from the same folder is preferred, because folders have instructions of their own.
    """
    client = version.first.client
    earlier = [
        each
        for each in found
        if each.kind == version.kind and each is not version and each.first.client == client
        and each.first.started_ms <= version.first.started_ms
    ]  # fmt: skip
    cwd = version.first.cwd
    return max(earlier, key=lambda each: (each.first.cwd == cwd, each.last.started_ms), default=None)


def listing(found: Iterable[Version]) -> list[dict[str, Any]]:
    """Write the versions as the API lists them, each with the one that it took the place of."""
    every = list(found)
    listed = []
    for version in every:
        before = predecessor(every, version)
        listed.append({**version.as_dict(), "previous": before.id if before else None})
    return listed
