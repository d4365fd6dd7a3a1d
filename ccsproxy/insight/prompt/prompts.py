"""The distinct system prompts and tool sets: since when, by which client and version, and what differs."""

from collections.abc import Iterable
from typing import Any

import attr
import msgspec

from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.insight.facts import Call, Item
from ccsproxy.insight.prompt.parts import digest_of

#: Kinds of prompts, and the level of a request that each is.
KINDS = ("system", "tools")


@attr.define(eq=False)
class Version:
    """One system prompt, or one set of tools, as it was sent.

    :ivar id: tells it apart; equal content has equal ids.
    """

    id: str
    kind: str
    items: tuple[Item, ...]
    first: Call
    last: Call
    calls: int = 0
    sessions: int = 0
    clients: dict[str, int] = attr.field(factory=dict)

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
            "tokens": sum(item.tokens for item in self.items),
            "bytes": sum(part.size for part in parts),
            "tools": [part.name for part in parts if part.kind == "tool"] if self.kind == "tools" else None,
            "text": next((part.quote for part in parts if part.quote), None),
        }


def prompt_id(call: Call, kind: str) -> str | None:
    """Return the id of a call's system prompt or tool set; None where it has none."""
    digests = [item.digest for item in call.of_level(kind)]
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
    """Return the version of the same kind and client that was in use before, None where there is none.

    One of the same folder goes before others, as folders have instructions of their own.
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
