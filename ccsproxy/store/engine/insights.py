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
#: Calls whose responses tell how far limits are used, and the number of accounts and upstreams examined.
_ANSWERED = f"category = '{Category.MODEL}' AND status IS NOT NULL"
_ACCOUNTS = 50
#: Records that are read for limits: of all accounts together, where there are several, and of one at most; how far
#: back, and how far apart.
_READINGS, _READINGS_EACH, _LATELY_MS, _QUARTER_MS = 60, 12, 6 * 3_600_000, 900_000
#: Columns of a call without its prompt, in the order in which `_call` takes them.
_CALL = "key, session_id, seq, id, upstream, client, client_version, cwd, model"


def calls_with_secrets(engine: Engine, relation: str, conditions: Sequence[str], most: int) -> list[Call]:
    """Return the newest calls that sent secrets, without their prompts, in the order of their start."""
    rows = engine.rows(
        f"SELECT {_CALL}, secrets FROM {relation} AS e "  # noqa: S608  (conditions are quoted)
        f"WHERE {where([*conditions, engine.any_in('secrets')])} ORDER BY key DESC LIMIT {most}"
    )
    return [_call(row, tuple(map(_secret, row[-1]))) for row in reversed(rows)]


def keys_with_limits(engine: Engine, relation: str, conditions: Sequence[str]) -> list[int]:
    """Return the order keys of calls whose responses tell how far limits are used, and how fast.

    Of each account and upstream that is its newest call, and of those that were used lately the newest one of some
    earlier quarters of an hour: few, as each costs reading a record.
    """
    source = f"FROM {relation} AS e WHERE {where([*conditions, _ANSWERED])}"
    newest = engine.rows(
        f"SELECT account, upstream, max(key) AS last {source} GROUP BY account, upstream "
        f"ORDER BY last DESC LIMIT {_ACCOUNTS}"
    )
    if not newest:
        return []
    each, latest = min(_READINGS // len(newest), _READINGS_EACH), int(newest[0][2])
    found = {(row[0], row[1]): [int(row[2])] for row in newest}
    quarter = engine.whole(f"key / {_QUARTER_MS << KEY_BITS}.0")
    earlier = engine.rows(
        f"SELECT account, upstream, max(key) AS last {source} AND key >= {max(latest - (_LATELY_MS << KEY_BITS), 0)} "
        f"GROUP BY account, upstream, {quarter} ORDER BY last DESC LIMIT {_ACCOUNTS * _LATELY_MS // _QUARTER_MS}"
    )
    for account, upstream, key in earlier:
        keys = found.get((account, upstream), [])
        if 0 < len(keys) < each and int(key) != keys[0]:
            keys.append(int(key))
    return [key for keys in found.values() for key in keys]


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
        shown = f"{client or ''} {version or ''}".strip() or "unknown"
        clients.setdefault(str(name), {})[shown] = int(count)
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
