"""Which records of a session are read together: reading many costs hardly more than one where they are compressed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: Records that are read together, and about how many bytes they may have.
BATCH, BATCH_BYTES = 64, 8 << 20


def batches(summaries: Iterable[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Divide records into what is read together.

    :return: their numbers; one that is large stands alone.
    """
    batch, size = list[int](), 0
    for each in summaries:
        own = (each.get("request_bytes") or 0) + (each.get("response_bytes") or 0)
        if batch and (size + own > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, size = [], 0
        batch.append(each["seq"])
        size += own
    if batch:
        yield batch
