"""Keys at the end of a sentence: ``The API key for staging is ...``, ``API Key (staging): ...``.

Any words may stand between the word for the key and the key itself. So what introduces the value is searched for, and
the word before it; the value must look random.
"""

import re

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.search.finding import FoundSecret

_MARKS = r"[\"'`*(]*"
_INTRODUCED = (
    r"(?:[ ](?:is|to|be|lautet|est|es):?[ ]+|\):[ ]+|[ ]\xe2\x86\x92[ ]+|\xe6\x98\xaf[ ]*|\xe3\x81\xaf[ ]*"
    r"|\xef\xbc\x9a[ ]*)"
)
#: The pattern of the end of such a sentence. Few words after these have a letter behind a digit.
SAID = rf"{_INTRODUCED}{_MARKS}[A-Za-z_-]*[0-9]+[A-Za-z]"
_SAID = re.compile(rf"{_INTRODUCED}\\*{_MARKS}(?P<secret>[A-Za-z0-9_+/=.-]{{16,200}})".encode("latin-1"))
#: First letters of the introductions.
BEGINS = b" )\xe6\xe3\xef"
#: How much before the value is examined; less than `ccsproxy.redaction.search.verdicts.WINDOW`.
_BEFORE = 90
_SENTENCE = re.compile(rb"[.!?][ ]|\n|\\n|[;{}]")
_KEY = re.compile(
    rb"(?i:(?:api|access|secret|private|auth|license|account|client|deploy|admin|bot|service|signing|encryption)"
    rb"[ _-]?(?:keys?|secrets?|tokens?)\b|(?<![a-z_])tokens?\b|\bcredentials?|\bsecret\b"
    rb"|\bapi-?schl\xc3\xbcssel|cl\xc3\xa9"
    rb" (?:d')?api)|\xe5\xaf\x86\xe9(?:\x92\xa5|\x91\xb0)|\xe4\xbb\xa4\xe7\x89\x8c|\xe3\x82\xad\xe3\x83\xbc"
    rb"|\xe3\x83\x88\xe3\x83\xbc\xe3\x82\xaf\xe3\x83\xb3"
)
#: What such sentences say of things that look random and are no secrets.
_OTHER = re.compile(rb"(?i:hash|digest|sha-?[0-9]|md5|checksum|fingerprint|commit|\bid\b|uuid|version|public|model)")


def find_said(text: bytes, start: int) -> FoundSecret | None:
    """Return the key that a sentence says at a position."""
    found = _SAID.match(text, start)
    if found is None:
        return None
    at = found.start("secret")
    secret = found.group("secret").rstrip(b".-")
    sentence = _SENTENCE.split(text[max(start - _BEFORE, 0) : start + 1])[-1]
    if _KEY.search(sentence) is None or _OTHER.search(sentence) is not None or not is_random(secret):
        return None
    return token_at(text, at) or FoundSecret(at, at + len(secret), "api-key", secret)
