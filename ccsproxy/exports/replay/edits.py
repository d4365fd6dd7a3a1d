"""Modifications of a recorded request before it is sent again: model, tools, system prompt, any member."""

import re
from typing import Any
from urllib.parse import quote

import attr

from ccsproxy.exports.replay.errors import EditError
from ccsproxy.exports.replay.places import Place, PlaceError, read_place, with_value, without, write_place
from ccsproxy.exports.replay.system_prompt import with_system
from ccsproxy.exports.replay.tool_lists import without_tool
from ccsproxy.wire.jsontext import JsonError, loads


@attr.frozen
class BodySetting:
    """A value for a place in a request's body.

    :ivar remove: remove the place instead.
    """

    place: Place
    value: Any = None
    remove: bool = False


@attr.frozen
class Edits:
    """All modifications.

    :ivar model: another model; empty for the recorded one.
    :ivar settings: in the order given.
    :ivar without_tools: names of tools to remove, with ``*`` and ``?`` as in a shell.
    :ivar system: another system prompt; None for the recorded one.
    """

    model: str = ""
    settings: tuple[BodySetting, ...] = ()
    without_tools: tuple[str, ...] = ()
    system: str | None = None

    @property
    def any(self) -> bool:
        """Tell whether anything is modified."""
        return self != Edits()


def read_setting(text: str) -> BodySetting:
    """Parse ``PLACE=VALUE``: the value is JSON, or else text; an empty one removes the place.

    :raises EditError: if it is invalid.
    """
    try:
        place, rest = read_place(text)
    except PlaceError as error:
        raise EditError(str(error)) from None
    if not rest.startswith("="):
        raise EditError(f'{text[:80]!r} is not a setting; write it as in max_tokens=100 or messages[0].content="Hi"')
    if rest == "=":
        return BodySetting(place, remove=True)
    try:
        return BodySetting(place, loads(rest[1:].encode("utf-8", "surrogateescape")))
    except JsonError:
        return BodySetting(place, rest[1:])


def edited(edits: Edits, dialect: str | None, target: str, body: Any) -> tuple[str, Any]:
    """Return the modified target and body.

    :param dialect: the dialect's name, which determines where model, tools and system prompt are.
    :param target: path and query.
    :param body: the request's JSON, which is not changed itself.
    :raises EditError: if something to be modified does not exist.
    """
    if not edits.any:
        return target, body
    if not isinstance(body, dict):
        raise EditError("only a request whose body is a JSON object can be changed")
    if edits.model:
        target, body = _with_model(target, body, edits.model)
    for pattern in edits.without_tools:
        body = without_tool(body, pattern)
    if edits.system is not None:
        body = with_system(dialect, body, edits.system)
    for setting in edits.settings:
        body = _set(body, setting)
    return target, body


def _set(body: dict[str, Any], setting: BodySetting) -> dict[str, Any]:
    try:
        gone, place = setting.remove, setting.place
        changed = without(body, place) if gone else with_value(body, place, setting.value)
    except PlaceError as error:
        raise EditError(f"{write_place(setting.place)} cannot be set: {error}") from None
    if not isinstance(changed, dict):
        raise EditError(f"{write_place(setting.place)} cannot be set: a body is an object")
    return changed


#: Paths that name the model: of Gemini and Vertex, Bedrock, Azure.
_IN_PATH = re.compile(r"(?<=/models/)[^:/?]+(?=:)|(?<=/model/)[^/?]+(?=/)|(?<=/deployments/)[^/?]+(?=/)")


def _with_model(target: str, body: dict[str, Any], model: str) -> tuple[str, dict[str, Any]]:
    path, mark, query = target.partition("?")
    named, count = _IN_PATH.subn(lambda _: quote(model, safe=":@"), path)
    if "model" not in body and not count:
        raise EditError("the request names no model, so the model cannot be changed")
    return named + mark + query, {**body, "model": model} if "model" in body else body
