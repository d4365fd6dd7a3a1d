"""The labels of an exchange: configured ones, and those whose values are taken from each call."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.wire.credentials import credentials

#: The label of a call that `ccsproxy replay` made: the call that it repeats, as ``SESSION/SEQ``.
REPLAY_OF = "replay_of"
#: The prefix of a header field's name whose value becomes the label, and the value for the hash of the caller's key.
HEADER, KEY = "@header:", "@key"
#: Characters of a label's value, and hexadecimal digits of a key's hash.
_LONGEST, _DIGITS = 256, 12


def labels_of(said: Mapping[str, str], head: RequestHead, clean: Callable[[str], str]) -> dict[str, str]:
    """Return the labels of an exchange; values that a call lacks are left out.

    If the proxy identifies its callers by their credentials, the label ``user`` is always the caller.

    :param said: as configured.
    :param clean: removes secrets from the value of a header field.
    """
    found = {key: value for key, text in said.items() if (value := _value(text, head, clean))}
    if head.person:
        found["user"] = head.person
    return found


def _value(text: str, head: RequestHead, clean: Callable[[str], str]) -> str:
    if text == KEY:
        shown = credentials(head.lines, head.target)
        return f"key-{sha256(shown[0]).hexdigest()[:_DIGITS]}" if shown else ""
    if not text.startswith(HEADER):
        return text
    name = text[len(HEADER) :].lower().encode()
    value = next((value for field, value in head.headers if field.lower() == name), b"")
    printable = "".join(letter for letter in value.decode("utf-8", "replace").strip() if letter.isprintable())
    return clean(printable)[:_LONGEST]
