"""Which values of a JSON tree are secret by the key they stand under."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ccsproxy.redaction.names import GRANT_KEYS, secret_key


def members(node: dict[str, Any], parent: str, secret: bool) -> Iterator[tuple[str, Any, bool]]:
    """Yield the members of an object, each with whether its text is secret.

    :param node: the object.
    :param parent: the key that the object stands under, empty for none.
    :param secret: whether the object itself stands under a secret key.
    """
    for key, value in node.items():
        yield key, value, secret or (isinstance(value, str | dict | list) and is_secret(key, value, node, parent))


def is_secret(key: str, value: Any, node: dict[str, Any], parent: str) -> bool:
    """Whether the text at or under a member of an object is secret by its key; see `members`."""
    if key in GRANT_KEYS:
        return "grant_type" in node
    if not secret_key(key):
        return False
    if key == "token" and "logprob" in node:
        return False  # a word of the model's vocabulary with its probability
    return not (parent == "properties" and isinstance(value, dict))  # the schema of a parameter, not its value


@lru_cache(8192)
def plain_key(key: str) -> bool:
    """Whether nothing about a member depends on its key."""
    return key[:1] != "_" and key not in GRANT_KEYS and not secret_key(key)


def texts_of(value: Any) -> set[str] | None:
    """Return the texts of a JSON value, names of members included; each of them is to be searched by itself.

    :return: None where more than that has to be known: texts are secret by their key, or events stand in a list.
    """
    texts: set[str] = set()
    keys: set[str] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            keys.update(node)
            children: Any = node.values()
        elif type(node) is list:
            children = node
        else:
            children = (node,)
        for child in children:
            if type(child) is str:
                texts.add(child)
            elif type(child) is dict or type(child) is list:
                waiting.append(child)
    if not all(map(plain_key, keys)) and _needs_care(value):
        return None
    return texts.union(keys)


def _needs_care(value: Any) -> bool:
    """Whether some member is secret by its key, or is a list beside a message."""
    waiting: list[tuple[Any, str]] = [(value, "")]
    while waiting:
        node, parent = waiting.pop()
        if isinstance(node, dict):
            for key, child, secret in members(node, parent, False):
                if secret or (key[:1] == "_" and isinstance(child, list)):
                    return True
                waiting.append((child, key))
        elif isinstance(node, list):
            waiting.extend((child, parent) for child in node)
    return False
