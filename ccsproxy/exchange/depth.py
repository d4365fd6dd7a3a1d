"""How deeply the JSON in a record may be nested."""

from typing import Any

#: Levels of arrays and objects. Every JSON parser must be able to read a record; jq 1.6 stops at 256 levels.
DEEPEST = 200


def nested_too_deeply(value: Any) -> bool:
    """Tell whether a JSON value is nested deeper than `DEEPEST`, level by level."""
    level = [value]
    for _ in range(DEEPEST):
        # By `type`: `isinstance` with a union took half of the time, and this visits every value.
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
