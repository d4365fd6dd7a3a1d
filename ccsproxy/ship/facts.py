"""The facts of a record as one flat row: what lists and statistics need, for tables and Parquet files of engines.

It is the summary that the API and the page list, with who recorded it and where its line is. A number that is not
known is null; text that no engine could hold (a half of a surrogate pair) is replaced.
"""

from typing import Any

from ccsproxy.ship.delivery.batch import ShippedLine
from ccsproxy.store.reader.recent import finished_row
from ccsproxy.store.summary import Price, Summary, as_dict, order_key

#: Members of a summary that repeat what was said, or may.
_SAID = ("preview", "about", "error_message")


def facts_of(line: ShippedLine, segment: str, host: str, price: Price) -> dict[str, Any]:
    """Return the row of a record.

    :param segment: where its line is.
    :param host: whose segment that is; a record that names its host is that one's.
    :raises ValueError: when the line holds no record.
    """
    summary = finished_row(line.entry, price)
    row = as_dict(summary)
    if not line.content:
        row.update(dict.fromkeys(_SAID), path=summary.path.partition("?")[0])
    labels = line.entry.labels
    row.update(
        key=order_key(summary.started_at, summary.id),
        host=labels.get("host", host),
        user=labels.get("user", ""),
        labels=labels,
        segment=segment,
        offset=line.offset,
        length=len(line.data),
    )
    return {name: clean(value) for name, value in row.items()}


def columns() -> tuple[str, ...]:
    """Return the names of a row's members."""
    return (*Summary.__struct_fields__, "key", "host", "user", "labels", "segment", "offset", "length")


def clean(value: Any) -> Any:
    """Return a value whose text every engine can hold: halves of surrogate pairs become U+FFFD, NULs go."""
    if isinstance(value, str):
        if value.isascii():
            return value.replace("\0", "")
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "")
    if isinstance(value, list):
        return [clean(each) for each in value]
    if isinstance(value, dict):
        return {str(clean(name)): clean(each) for name, each in value.items()}
    return value
