"""Reads only the parts of a record that facts need: neither its stream's text nor messages that were read before.

A conversation is sent again with every call, so most of a record is messages that are recognised by their bytes. They
are left undecoded, and `ccsproxy.insight.collect` decodes the new ones.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ccsproxy.exchange.record import SCHEMA_VERSION, Record, Request, Response
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.store.index.texts.raw_body import Json, begins, decoded, items_of, members_of
from ccsproxy.store.segments.line_apart import LineApart
from ccsproxy.store.summary import plain_json


class _Chunks(msgspec.Struct):
    """The part of a stream that is read: when its pieces arrived."""

    chunks: list[tuple[float, int]] = []


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_chunks = msgspec.json.Decoder(_Chunks)
_decode = msgspec.json.decode
#: Longer lists are not copied to be looked through.
_COPIED = 1 << 20
#: The members of a body that hold the conversation or tools, and the marks of items that are more than messages.
_CONVERSATIONS = ("messages", "input", "contents")
_MARKS = {"messages": b'"cachePoint"', "tools": b'"cachePoint"', "input": b'"additional_tools"'}
_BODY = b'"body":{'
#: A shorter line is decoded faster as a whole than without its body; of a body, this much of both ends is compared.
SHORT, _ENDS = 32 << 10, 256
_SYSTEM_ROLES = ("system", "developer")


def _lean_struct(name: str, whole: type[msgspec.Struct], **kinds: Any) -> type[msgspec.Struct]:
    """Create a struct with the members of another, untyped except for some."""
    members = [(each, kinds.get(each, Any), msgspec.UNSET) for each in whole.__struct_fields__]
    return msgspec.defstruct(name, members, gc=False)


#: The usual case, decoded in one pass: a line of this version whose request body is an object.
_LeanRequest = _lean_struct("_LeanRequest", Request, body=dict[str, msgspec.Raw])
_LeanResponse = _lean_struct("_LeanResponse", Response, stream=_Chunks)
_LeanRecord = _lean_struct("_LeanRecord", Record, request=_LeanRequest, response=_LeanResponse | None)
_quick = msgspec.json.Decoder(_LeanRecord)


def _at_once(line: bytes) -> dict[str, Any]:
    """Read a line of the usual form.

    :raises msgspec.DecodeError: when it is of another.
    """
    found = _quick.decode(line)
    record = _members_of(found)
    if record.get("schema_version") != SCHEMA_VERSION or not isinstance(record.get("request"), _LeanRequest):
        raise msgspec.ValidationError("the line is of another form")
    record["request"] = request = _members_of(record["request"])
    request["body"] = _conversation(request["body"])
    response = record.get("response")
    if response is not None:
        record["response"] = response = _members_of(response)
        if "stream" in response:
            response["stream"] = msgspec.to_builtins(response["stream"])
    return record


def _members_of(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value is not msgspec.UNSET}


def read_record(line: bytes) -> dict[str, Any]:
    """Decode a line's record, in the current schema version; items of the conversation may be ``msgspec.Raw``.

    :raises ValueError: if it is not a record.
    """
    try:
        try:
            return upgrade(_at_once(line))
        except msgspec.ValidationError:
            record = _lean(line)
    # Such as lone surrogates, which are rejected even in parts that are skipped.
    except (msgspec.DecodeError, UnicodeError):
        record = msgspec.json.decode(plain_json(line))
    record.pop("crc32", None)
    return upgrade(record)


def read_apart(line: bytes, body: Json) -> dict[str, Any]:
    """Decode a line's record like `read_record`, given the already parsed body of the request.

    :param body: parsed elsewhere, so that it need not be traversed here.
    """
    if len(line) < SHORT:
        return read_record(line)
    if isinstance(body, LineApart):
        return _with_body(line, body.bare, body)
    if isinstance(body, list):
        return read_record(line)
    text = memoryview(body)
    at = line.find(_BODY) + len(_BODY) - 1
    end = at + text.nbytes
    # Locate it: the first member of that name, if its beginning, end and length match the body's.
    if at < len(_BODY) or line[at : at + _ENDS] != text[:_ENDS] or line[end - _ENDS : end] != text[-_ENDS:]:
        return read_record(line)
    return _with_body(line, b"".join((memoryview(line)[:at], b"{}", memoryview(line)[end:])), body)


def _with_body(line: bytes, bare: bytes, body: Json) -> dict[str, Any]:
    """Read a line's record of the line without the body, and of the body.

    :param bare: the line with an empty object for the body.
    """
    try:
        record = upgrade(_at_once(bare))
    except (msgspec.DecodeError, UnicodeError):
        return read_record(line)
    record["request"]["body"] = _conversation(members_of(body))
    return record


def _lean(line: bytes) -> dict[str, Any]:
    members = _members.decode(line)
    return {name: _READERS.get(name, _decode)(value) for name, value in members.items()}


def _request(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    return {name: _body(value) if name == "body" else _decode(value) for name, value in _members.decode(raw).items()}


def _body(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    return _conversation(_members.decode(raw))


def _conversation(members: Mapping[str, Json]) -> dict[str, Any]:
    """Read the members of a body."""
    body = {}
    for name, value in members.items():
        if name in _CONVERSATIONS:
            body[name] = _items(value, _MARKS.get(name))
        elif name == "tools" and not members.keys().isdisjoint(_CONVERSATIONS[:2]):
            body[name] = _items(value, _MARKS[name], leading=False)
        else:
            body[name] = decoded(value)
    return body


def _items(raw: Json, mark: bytes | None, leading: bool = True) -> Any:
    """Decode a list, except for items that are merely messages.

    :param mark: the mark of an item that is more; None if there is none.
    :param leading: also decode the system messages at its beginning.
    """
    if begins(raw) != b"[":
        return decoded(raw)
    if mark is not None:
        pieces = [raw] if isinstance(raw, msgspec.Raw) else items_of(raw)
        mark = mark if any(_is_in(mark, each) for each in pieces) else None
    values: list[Any] = []
    for value in items_of(raw):
        if leading or (mark is not None and mark in bytes(value)):
            values.append(_decode(value))
            leading = leading and isinstance(values[-1], dict) and values[-1].get("role") in _SYSTEM_ROLES
        else:
            values.append(value)
    return values


def _is_in(mark: bytes, raw: bytes | msgspec.Raw) -> bool:
    """Tell whether a mark is in JSON, of which a list of megabytes is not copied for it."""
    if memoryview(raw).nbytes <= _COPIED:
        return mark in bytes(raw)
    return re.search(re.escape(mark), memoryview(raw)) is not None


def _response(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    inner = _members.decode(raw)
    stream = inner.pop("stream", None)
    response = {name: _decode(value) for name, value in inner.items()}
    if stream is not None:
        response["stream"] = msgspec.to_builtins(_chunks.decode(stream))
    return response


def _is_object(raw: msgspec.Raw) -> bool:
    return begins(raw) == b"{"


_READERS = {"request": _request, "response": _response}
