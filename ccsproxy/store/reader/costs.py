"""Sums of what was recorded, by project, model, client, day and more; every sum says how many calls it lacks."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from ccsproxy.store.query import Query, where
from ccsproxy.store.reader.lists import AMONG, among, keys_of_search

#: What sums may be made by, and the expression that tells the groups apart.
GROUPS = {
    "project": "ifnull(requests.cwd, '')",
    "model": "ifnull(requests.response_model, ifnull(requests.model, ''))",
    "client": "ifnull(requests.client, '')",
    "day": "date(requests.started_at, 'localtime')",
    "upstream": "requests.upstream",
    "account": "ifnull(requests.account, '')",
    "session": "requests.session_id",
    "agent": "ifnull(requests.agent, '')",
}
#: What is summed up out of the parts of prompts, session by session.
PARTS = ("tool", "server", "kind")
_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def costs(connection: sqlite3.Connection, query: Query, by: str) -> Iterator[dict[str, Any]]:
    """Yield the sums of each group, the dearest first.

    :param by: one of `GROUPS`.
    """
    conditions, values = where(query)
    if query.q:
        conditions, values = [*conditions, AMONG], [*values, among(keys_of_search(connection, query))]
    sums = ", ".join(f"sum(requests.{name})" for name in _COUNTS)
    sql = (
        f"SELECT {GROUPS[by]} AS name, count(*), sum(requests.has_error), sum(requests.cost), "  # noqa: S608
        f"sum(ifnull(requests.unpriced, '') <> ''), sum(requests.duration_ms), {sums} FROM requests "
        f"WHERE {' AND '.join(['requests.outcome IS NOT NULL', *conditions])} "
        "GROUP BY name ORDER BY sum(requests.cost) DESC, count(*) DESC"
    )
    for name, requests, errors, cost, unpriced, duration, *counted in connection.execute(sql, values):
        tokens = dict(zip(_COUNTS, counted, strict=True))
        prompt = sum(tokens[each] or 0 for each in _COUNTS if each != "output_tokens")
        yield {
            "name": name or None,
            "requests": requests,
            "errors": errors or 0,
            "cost": cost,
            "unpriced": unpriced or 0,
            "prompt_tokens": prompt,
            "seconds": None if duration is None else round(duration / 1000, 3),
            "cached_share": round((tokens["cache_read_input_tokens"] or 0) / prompt, 4) if prompt else None,
            **tokens,
        }
