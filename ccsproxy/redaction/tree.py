"""Which values of a JSON tree are secret because of their key, and which are data rather than text."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ccsproxy.redaction.kinds.named.assignments import is_pair, kind_of
from ccsproxy.redaction.kinds.named.names import GRANT_KEYS, Strength, strength
from ccsproxy.redaction.kinds.named.values import Style, is_secret_value
from ccsproxy.redaction.kinds.randomness import is_random

#: The keys of media, signatures, encrypted reasoning and embeddings.
_DATA_KEYS = frozenset(
    "data signature thoughtSignature thought_signature encrypted_content encryptedContent redactedContent b64_json "
    "embedding file_data fileData bytes blob audio image url image_url reasoningSignature signatureDelta "
    "partial_image_b64 result".split()
)
_DATA = re.compile(r"(?:data:[^,\s]{0,200},)?[A-Za-z0-9+/_=\-\r\n]+\Z")
#: Shorter text is not media.
_SHORTEST_DATA = 100
#: Members that mark a token as part of a model's vocabulary.
_VOCABULARY = ("logprob", "logProbability", "token_id", "tokenId", "top_logprobs")
#: The private members of a JSON Web Key (RFC 7517, 7518).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_NAMING = ("name", "key", "Name", "Key")
_VALUES = frozenset({"value", "Value"})
#: Keys of objects that may contain several secrets, each under its own name.
_GROUPS = ("secret", "credential", "token", "password", "apikey", "api_key", "cookie")

#: What the keys say about a value: its kind if it looks like a secret, and how strongly they indicate one.
Claim = tuple[str, Strength]
NO_CLAIM: Claim = ("", Strength.NONE)


def claim_of(key: str, node: dict[str, Any], inherited: Claim) -> Claim:
    """Return what a member's key and its siblings say about its text.

    :param inherited: the claim of the enclosing keys.
    """
    if key in GRANT_KEYS and "grant_type" in node:
        return "token", Strength.HUMAN
    if key in _VALUES:
        return _claim_by_sibling(node) or inherited
    if key in _PRIVATE and "kty" in node:
        return "private-key", Strength.WEAK
    level = strength(key)
    if level is Strength.NONE:
        # For values further down a key is only a hint: `secrets: {"region": "eu-west-1"}` contains a region.
        return (inherited[0], Strength.WEAK) if inherited is not NO_CLAIM else NO_CLAIM
    # Log probabilities list the words of a response under `token`: none of them is a credential.
    if key in ("token", "tokens") and any(sign in node for sign in _VOCABULARY):
        return NO_CLAIM
    return kind_of(key), level


def _claim_by_sibling(node: dict[str, Any]) -> Claim | None:
    """Return the claim of a sibling that names the value, as in ``{"name": "API_KEY", "value": "..."}``."""
    for naming in _NAMING:
        name = node.get(naming)
        if isinstance(name, str) and (level := strength(name)) is not Strength.NONE:
            return kind_of(name), level
    return None


def below(claim: Claim, key: str) -> Claim:
    """Return what a key says about the members of the object under it: little, and only for groups."""
    group = any(each in key.lower() for each in _GROUPS) if claim[1] >= Strength.STRONG else False
    return (claim[0], Strength.WEAK) if group else NO_CLAIM


def secret_in(claim: Claim, value: str, key: str) -> int | None:
    """Return the offset of the secret in a text under a claim, after a credential's scheme; None if there is none."""
    kind, level = claim
    if level is Strength.NONE or not value:
        return None
    if kind == "private-key" and key in _PRIVATE:
        return 0 if is_random(value.encode("utf-8", "surrogatepass")) else None
    scheme = _SCHEME.match(value) if level is not Strength.HUMAN else None
    start = scheme.end() if scheme else 0
    raw = value[start:].encode("utf-8", "surrogatepass")
    if is_secret_value(raw, level, Style.QUOTED, key.encode("utf-8", "surrogatepass")):
        return start
    return start if "auth" in key.lower() and is_pair(raw) else None


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30} +(?=[^ ]+\Z)")


def is_data(key: object, value: str) -> bool:
    """Tell whether a text is data rather than text: base64 of media, of a signature, of an embedding."""
    return (
        len(value) >= _SHORTEST_DATA
        and (key in _DATA_KEYS or value.startswith("data:"))
        and _DATA.match(value) is not None
    )


def searched(key: object, value: str) -> str:
    """Return the part of a text that has to be searched: for long data the beginning, the only place for a secret."""
    return value[:_BEGINNING] if len(value) > _BEGINNING and is_data(key, value) else value


#: How much of data is searched: more than the length of any secret, so that one at the beginning is found.
_BEGINNING = 8192


@lru_cache(8192)
def plain_key(key: str) -> bool:
    """Tell whether a member is treated the same whatever its key."""
    return (
        key[:1] != "_"
        and key not in GRANT_KEYS
        and key not in _VALUES
        and key not in _PRIVATE
        and strength(key) is Strength.NONE
    )


def texts_of(value: Any) -> dict[str, None] | None:
    """Return the texts of a JSON value, including member names, if each can be searched independently.

    :return: each text once, roughly in document order, so that a conversation that grew at its end yields its earlier
        texts first and in the same order. None if the texts are not enough: some are secret by their key, or a list
        contains events.
    """
    texts: list[str] = []
    keys: dict[str, None] = {}
    flags = False
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            keys.update(node)
            for key, child in node.items():
                kind = type(child)
                if kind is str:
                    texts.append(child if len(child) <= _BEGINNING else searched(key, child))
                elif kind is dict or kind is list:
                    waiting.append(child)
        elif type(node) is list:
            for child in node:
                kind = type(child)
                if kind is str:
                    texts.append(child)
                    flags = flags or child[:2] == "--"
                elif kind is dict or kind is list:
                    waiting.append(child)
        elif type(node) is str:
            texts.append(node)
    if (flags or not all(map(plain_key, keys))) and any(_needing_care(value)):
        return None
    # Reversed because the walk uses a stack: it visits last what comes first in the document.
    found = dict.fromkeys(reversed(texts))
    found.update(keys)
    return found


def _needing_care(value: Any) -> Iterator[bool]:
    """Yield true for each member that is secret by its key, or is a list beside a message."""
    waiting: list[tuple[Any, Claim]] = [(value, NO_CLAIM)]
    while waiting:
        node, inherited = waiting.pop()
        if isinstance(node, dict):
            for key, child in node.items():
                plain = inherited is NO_CLAIM and plain_key(key)
                claim = NO_CLAIM if plain else claim_of(key, node, inherited)
                if isinstance(child, str):
                    yield secret_in(claim, child, key) is not None
                elif isinstance(child, dict):
                    waiting.append((child, below(claim, key)))
                elif isinstance(child, list):
                    yield key[:1] == "_"
                    waiting.append((child, claim))
        elif isinstance(node, list):
            for place, child in enumerate(node):
                if isinstance(child, str):
                    yield secret_in(element_claim(node, place, inherited), child, "") is not None
                elif isinstance(child, dict | list):
                    waiting.append((child, inherited))


def element_claim(values: list[Any], place: int, claim: Claim) -> Claim:
    """Return the claim on a text in a list: by the key of the list, else by a flag before the text.

    :param claim: the key's.
    """
    if claim is not NO_CLAIM or not place:
        return claim
    flag = values[place - 1]
    if not isinstance(flag, str) or flag[:1] != "-" or "=" in flag:
        return NO_CLAIM
    name = flag.lstrip("-")
    return kind_of(name), strength(name)
