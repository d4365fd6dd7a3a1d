"""Parsing and serialising JSON text: the one place that knows the libraries.

Fast on ordinary text, and lenient where real agents are odd: lone surrogates, numbers beyond any machine word, a byte
order mark and invalid UTF-8 are accepted. What is not JSON (``NaN``, truncated text, unbounded nesting) is refused
with one error.
"""

import json
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_decode = msgspec.json.Decoder().decode

#: Python refuses to convert longer decimal integers (sys.int_info.default_max_str_digits).
_LONGEST_INT = 4300

#: Of longer texts it is looked first whether they were cut off, in characters or bytes.
_LONG = 64 << 10
_CLOSING = {"{": "}", "[": "]"}


class JsonError(ValueError):
    """The text is not JSON, or the value cannot be written as JSON."""


def loads(text: bytes | bytearray | str) -> Any:
    """Parse one JSON value; of repeated keys the last one wins.

    :param text: JSON text; bytes are UTF-8, with or without a byte order mark.
    :return: the value; a number that neither int nor float can hold is a `decimal.Decimal`.
    :raises JsonError: if it is not exactly one JSON value, or is nested too deeply.
    """
    try:
        return _decode(text)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError):
        return _loads_forgiving(text)


def dumps(value: Any) -> bytes:
    """Serialise a value as JSON text in UTF-8, without white space.

    :param value: as returned by `loads`; a lone surrogate is written as the escape that it came from.
    :raises JsonError: if the value cannot be written as JSON, or is nested too deeply.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _dumps_escaping(value)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise JsonError(str(error)) from None


def dumps_strictly(value: Any) -> bytes | None:
    """Write a value as `dumps` does, None where that is not possible or a lone surrogate is in it."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _loads_forgiving(text: bytes | bytearray | str) -> Any:
    if len(text) > _LONG and _is_cut_off(text):
        raise JsonError("the text ends before its value does")
    if not isinstance(text, str):
        text = text.decode("utf-8", "replace")
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_float=_float, parse_int=_int, parse_constant=_refuse)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except ValueError as error:
        raise JsonError(str(error)) from None


def _dumps_escaping(value: Any) -> bytes:
    try:
        return _escaped(value).encode("ascii")
    except RecursionError:
        raise JsonError("nested too deeply") from None


def _escaped(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_escaped(str(key))}:{_escaped(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_escaped, value)) + "]"
    return dumps(value).decode("ascii")


def _is_cut_off(text: bytes | bytearray | str) -> bool:
    """Tell quickly of most objects and arrays that were cut off that they are no JSON: reading megabytes of one in
    vain takes seconds, and several times the memory.
    """
    ends = text[:64], text[-64:]
    head, tail = (each if isinstance(each, str) else each.decode("latin-1") for each in ends)
    closing = _CLOSING.get(head.lstrip("\ufeff\xef\xbb\xbf \t\r\n")[:1])
    end = tail.rstrip(" \t\r\n")[-1:]
    return closing is not None and end not in ("", closing)


def _float(text: str) -> float | Decimal:
    value = float(text)
    return value if abs(value) != float("inf") else Decimal(text)


def _int(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INT else Decimal(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
