"""URL parameters: each is described once, and both checked and documented by that description."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import attr

from ccsproxy.api.answer import bad_request

#: Maximum length of a parameter value.
LONGEST = 1000
_SID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
#: Nothing is recorded outside this range; the index could not order it.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@attr.frozen
class Parameter:
    """A parameter of a URL.

    :ivar schema: its JSON schema, by which it is also validated.
    :ivar place: ``query`` or ``path``.
    :ivar several: whether it may be repeated; the values are joined by commas.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    place: str = "query"
    several: bool = False
    required: bool = False

    def read(self, values: Sequence[str]) -> str:
        """Validate the given values and return them in one form.

        :raises Refused: if they do not match the schema.
        """
        if len(values) > 1 and not self.several:
            raise bad_request(f"The parameter {self.name} may be given only once.")
        value = ",".join(values)
        if len(value) > LONGEST or any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise bad_request(f"The parameter {self.name} must be printable text of at most {LONGEST} characters.")
        if not value:
            return self._refuse() if self.required else ""
        return self._checked(value)

    def describe(self) -> dict[str, Any]:
        """Return the parameter's OpenAPI description."""
        return {
            "name": self.name,
            "in": self.place,
            "required": self.required,
            "description": self.description,
            "schema": dict(self.schema) if self.required else _or_empty(self.schema),
        }

    def _checked(self, value: str) -> str:
        schema = self.schema
        if schema.get("type") == "integer":
            fits = bool(re.fullmatch(r"(0|[1-9][0-9]{0,15})", value)) and (
                schema["minimum"] <= int(value) <= schema["maximum"]
            )
            return value if fits else self._refuse()
        if schema.get("type") == "boolean":
            return value if value in {"true", "false"} else self._refuse()
        if "enum" in schema:
            return value if value in schema["enum"] else self._refuse()
        if "anyOf" in schema:
            return _moment(value) or self._refuse()
        pattern = schema.get("pattern")
        return value if pattern is None or re.fullmatch(pattern.strip("^$"), value) else self._refuse()

    def _refuse(self) -> str:
        raise bad_request(f"The parameter {self.name} cannot have this value: {self.description}")


def text(name: str, description: str, *, several: bool = True) -> Parameter:
    """Describe a filter; a comma means "or"."""
    # Printable, as everything else is refused.
    schema = {"type": "string", "maxLength": LONGEST, "pattern": r"^[^\x00-\x1f\x7f]*$"}
    return Parameter(name, description, schema, several=several)


def number(name: str, description: str, most: int, least: int = 0, otherwise: int | None = None) -> Parameter:
    """Describe an integer parameter."""
    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    if otherwise is not None:
        schema["default"] = otherwise
    return Parameter(name, description, schema)


def flag(name: str, description: str) -> Parameter:
    """Describe a boolean parameter."""
    return Parameter(name, description, {"type": "boolean", "default": False})


def moment(name: str, description: str) -> Parameter:
    """Describe a parameter that is a point in time."""
    forms = [{"format": "date-time"}, {"format": "date"}]
    return Parameter(name, description, {"anyOf": [{"type": "string", **form} for form in forms]})


def choice(name: str, description: str, values: Sequence[str], otherwise: str) -> Parameter:
    """Describe a parameter with a fixed set of values."""
    return Parameter(name, description, {"type": "string", "enum": list(values), "default": otherwise})


def matching(name: str, description: str, pattern: str, *, several: bool = False) -> Parameter:
    """Describe a text parameter with a fixed format."""
    return Parameter(name, description, {"type": "string", "pattern": pattern}, several=several)


SID = Parameter("sid", "The session's id.", {"type": "string", "pattern": _SID}, "path", required=True)
SEQ = Parameter(
    "seq",
    "The exchange's number within its session, from 1.",
    {"type": "integer", "minimum": 1, "maximum": 10**15 - 1},
    "path",
    required=True,
)


def _or_empty(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe that a parameter may be empty, as forms send it, which has the same meaning as omitting it."""
    plain = {name: value for name, value in schema.items() if name != "default"}
    kept = {"default": schema["default"]} if "default" in schema else {}
    return {"anyOf": [*plain.pop("anyOf", [plain]), {"type": "string", "maxLength": 0}], **kept}


def _moment(value: str) -> str:
    """Return a time in UTC with milliseconds, empty if it is invalid; an out-of-range time becomes the nearest valid
    one.
    """
    value = value.replace(" ", "+")  # what an unescaped plus sign becomes in a query
    try:
        if _DATE_TIME.fullmatch(value):
            when = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
        else:
            when = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        when = min(max(when, _EARLIEST), _LATEST).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
