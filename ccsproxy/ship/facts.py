"""The facts of a record as one flat row: what lists and statistics need, for tables and Parquet files of engines.

It is the summary listed by the API and the pages, with who recorded it and the location of its line. An unknown
number is null; text that no engine could store (half of a surrogate pair) is replaced.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from twisted.logger import Logger

from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import SecretNote
from ccsproxy.insight.prompt.layout import DigestMemory
from ccsproxy.insight.prompt.prompts import prompt_ids
from ccsproxy.ship.delivery.batch import ShippedLine
from ccsproxy.store.index.facts.lean_record import read_record
from ccsproxy.store.reader.recent import finished_row
from ccsproxy.store.summary import Price, Summary, as_dict, order_key

_log = Logger()
#: Members of a summary that contain or may contain content.
_SAID = ("preview", "about", "error_message")
#: Members about a call that lists do not need: its prompts and its secrets.
INSIGHTS = ("system_prompt", "tool_set", "secrets")
#: Cache of digests: agents send the same tools and the same system prompt with each call.
_DIGESTS = DigestMemory()


class _Captured(msgspec.Struct):
    outbound_secrets: list[SecretNote] = []


class _Noted(msgspec.Struct):
    capture: _Captured = msgspec.field(default_factory=_Captured)


def facts_of(line: ShippedLine, segment: str, host: str, price: Price) -> dict[str, Any]:
    """Return the row for a record.

    :param segment: the segment that contains its line.
    :param host: the machine of the segment; a record that names its host overrides it.
    :raises ValueError: if the line contains no record.
    """
    summary = finished_row(line.entry, price)
    row = as_dict(summary)
    if not line.content:
        row.update(dict.fromkeys(_SAID), path=summary.path.partition("?")[0])
    labels = line.entry.labels
    row.update(_prompts(line.data, summary), secrets=_secrets(line.data))
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


def summaries_of(
    lines: Iterable[ShippedLine], segment: str, host: str, price: Price
) -> tuple[list[ShippedLine], list[dict[str, Any]]]:
    """Return the rows for records, and their lines: an unreadable one is only in its segment."""
    read: list[ShippedLine] = []
    rows: list[dict[str, Any]] = []
    for line in lines:
        try:
            rows.append(facts_of(line, segment, host, price))
        except (ValueError, TypeError, RecursionError) as reason:
            _log.warn(
                "{segment}, {at}: no summary was made: {reason}", segment=segment, at=line.offset, reason=reason
            )
        else:
            read.append(line)
    return read, rows


def columns() -> tuple[str, ...]:
    """Return the names of a row's members."""
    return (*Summary.__struct_fields__, "key", "host", "user", "labels", "segment", "offset", "length", *INSIGHTS)


def _prompts(data: bytes, summary: Summary) -> dict[str, str | None]:
    """Return the ids of a call's prompts."""
    ids: dict[str, str | None] = {}
    if summary.category == Category.MODEL:
        try:
            ids = prompt_ids(read_record(data), _DIGESTS)
        # Exceptions of reading a body that does not belong to the dialect.
        except (RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError):
            ids = {}
    return {"system_prompt": ids.get("system"), "tool_set": ids.get("tools")}


def _secrets(data: bytes) -> list[str]:
    """Return each secret that a call sent as kind, place and tag."""
    if b'"outbound_secrets":[{' not in data:
        return []
    try:
        notes = msgspec.json.decode(data, type=_Noted).capture.outbound_secrets
    except (msgspec.MsgspecError, UnicodeError):
        return []
    return ["\t".join(each.replace("\t", " ") for each in (note.kind, note.where, note.tag)) for note in notes]


def clean(value: Any) -> Any:
    """Return a value whose text every engine can store: halves of surrogate pairs become U+FFFD, NULs are removed."""
    if isinstance(value, str):
        if value.isascii():
            return value.replace("\0", "")
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "")
    if isinstance(value, list):
        return [clean(each) for each in value]
    if isinstance(value, dict):
        return {str(clean(name)): clean(each) for name, each in value.items()}
    return value
