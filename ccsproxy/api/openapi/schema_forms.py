"""Building blocks for the JSON schemas of answers."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}


def maybe(*kinds: str) -> Schema:
    """Describe a value that is null while unknown."""
    return {"type": [*kinds, "null"]}


def members(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, about: str = "") -> Schema:
    """Describe a JSON object by its members."""
    described: dict[str, Any] = {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }
    return {**described, "description": about} if about else described


def every(item: Schema) -> Schema:
    """Describe a list by the schema of its items."""
    return {"type": "array", "items": item}


def ref(name: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}
