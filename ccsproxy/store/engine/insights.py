"""Shipped data for insights: the secrets that calls sent, and the prompts that they used."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ccsproxy.exchange.outcome import Category
from ccsproxy.insight.facts import Call, Item, Rates, Secret
from ccsproxy.insight.prompt.prompts import KINDS, Version
from ccsproxy.store.engine.aggregates import where
from ccsproxy.store.engine.engine import Engine
from ccsproxy.store.summary import KEY_BITS

#: The items of a prompt, and the rates of a call that sent it.
ReadPrompt = tuple[tuple[Item, ...], Rates | None]
#: How many prompts of each kind are listed, most recently used first: each costs reading one record once.
MOST_PROMPTS = 60
_COLUMNS = {"system": "system_prompt", "tools": "tool_set"}
#: The calls whose prompts are listed: those of the main thread, as for the local store.
_OF_MAIN = f"category = '{Category.MODEL}' AND (purpose IS NULL OR purpose = 'main')"
#: Columns of a call without its prompt, in the order in which `_call` takes them.
_CALL = "key, session_id, seq, id, upstream, client, client_version, cwd, model"


def calls_with_secrets(engine: Engine, relation: str, conditions: Sequence[str], most: int) -> list[Call]:
    """Return the newest calls that sent secrets, without their prompts, in the order of their start."""
    rows = engine.rows(
        f"SELECT {_CALL}, secrets FROM {relation} AS e "  # noqa: S608  (conditions are quoted)
        f"WHERE {where([*conditions, engine.any_in('secrets')])} ORDER BY key DESC LIMIT {most}"
    )
    return [_call(row, tuple(map(_secret, row[-1]))) for row in reversed(rows)]


def prompt_versions(
    engine: Engine, relation: str, items_of: Callable[[str, str, Sequence[Call]], ReadPrompt | None]
) -> list[Version]:
    """Return the distinct system prompts and tool sets, most recently used first.

    :param items_of: returns the items of a prompt by its id and kind, from the records of calls that sent it; None if
    they do not exist any more.
    """
    found = [each for kind in KINDS for each in _of_kind(engine, relation, kind, items_of)]
    return sorted(found, key=lambda each: -each.last.started_ms)


def _of_kind(
    engine: Engine, relation: str, kind: str, items_of: Callable[[str, str, Sequence[Call]], ReadPrompt | None]
) -> Iterable[Version]:
    column = _COLUMNS[kind]
    used = f"FROM {relation} AS e WHERE {column} IS NOT NULL AND {_OF_MAIN}"
    spans = engine.rows(
        f"SELECT {column} AS name, min(key), max(key), count(*), count(DISTINCT session_id) {used} "
        f"GROUP BY name ORDER BY max(key) DESC LIMIT {MOST_PROMPTS}"
    )
    if not spans:
        return
    names = f"{column} IN ({', '.join(engine.literal(str(row[0])) for row in spans)})"
    clients: dict[str, dict[str, int]] = {}
    for name, client, version, count in engine.rows(
        f"SELECT {column} AS name, client, client_version, count(*) {used} AND {names} "
        "GROUP BY name, client, client_version"
    ):
        said = f"{client or ''} {version or ''}".strip() or "unknown"
        clients.setdefault(str(name), {})[said] = int(count)
    keys = ", ".join(str(int(key)) for row in spans for key in row[1:3])
    ends = {
        int(row[0]): _call(row)
        for row in engine.rows(f"SELECT {_CALL} FROM {relation} AS e WHERE key IN ({keys})")  # noqa: S608
    }
    for name, first, last, calls, sessions in spans:
        read = items_of(str(name), kind, (ends[int(last)], ends[int(first)]))
        if read is not None:
            newest = msgspec.structs.replace(ends[int(last)], rates=read[1])
            yield Version(
                str(name), kind, read[0], ends[int(first)], newest, int(calls), int(sessions),
                clients.get(str(name), {}),
            )  # fmt: skip


def _call(row: Sequence[Any], outbound: tuple[Secret, ...] = ()) -> Call:
    key, session, seq, name, upstream, client, version, cwd, model = row[:9]
    return Call(
        session_id=session, seq=int(seq), id=name, started_ms=int(key) >> KEY_BITS, upstream=upstream or "",
        client=client or "", version=version or "", cwd=cwd or "", model=model or "", outbound=outbound,
    )  # fmt: skip


def _secret(text: str) -> Secret:
    kind, place, tag = [*str(text).split("\t"), "", ""][:3]
    return Secret(kind, place, 1, tag)
