"""How deeply the JSON in a record may be nested."""

from typing import Any

#: Levels of arrays and objects. A record has to be read by whatever reads JSON; jq 1.6 stops at 256 levels.
DEEPEST = 200


def nested_too_deeply(value: Any) -> bool:
    """Tell whether a JSON value is nested deeper than `DEEPEST`; looks at one level after the other."""
    level = [value]
    for _ in range(DEEPEST):
        # By `type`: asking `isinstance` of a union took half of the time, and this looks at every value.
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
