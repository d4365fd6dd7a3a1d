"""The secrets that occurred in an exchange, so that their echoes are replaced everywhere in it."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote

from ccsproxy.redaction.kinds.named.names import Strength
from ccsproxy.redaction.kinds.named.values import is_loud_value
from ccsproxy.redaction.kinds.randomness import is_random
from ccsproxy.redaction.search.finding import ECHO, FoundSecret

#: Shorter values occur in ordinary text; cookies must be even longer, since many are words.
_SHORTEST_KNOWN = 8
_SHORTEST_COOKIE = 16
_MOST_KNOWN = 64
_LONGEST_FOUND = 200
#: Kinds that are found by a name, a command or an address; others are found by their format anywhere.
_BY_SURROUNDINGS = frozenset(
    "password secret token api-key key authorization cookie session url-password url-token url-parameter user "
    "aws-secret-key".split()
)
#: Placeholders used where a key is required but not needed; not secret, and common in ordinary text.
_DUMMIES = frozenset({"lm-studio", "not-needed", "dummy-key", "anything", "undefined", "placeholder", "anthropic"})
#: A credential after its authentication scheme (RFC 9110, 11.4).
SCHEME = re.compile(r"\A(?:Bearer|Basic|Token|ApiKey|Negotiate|DPoP)\s+(\S+)\s*\Z", re.IGNORECASE)
#: What `quote` leaves unchanged (RFC 3986, 2.3).
_ALIKE = re.compile(r"[A-Za-z0-9_.~-]+")


class KnownSecrets:
    """The secrets in headers, parameters and form fields of one exchange."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def all(self) -> list[str]:
        """Return all of them, in every written form."""
        return self._known

    def learn(self, value: str) -> bool:
        """Add a secret; short values are ignored, because they would match everywhere.

        :return: whether it is new.
        """
        if len(value) < _SHORTEST_KNOWN or value.lower() in _DUMMIES or value.startswith("<redacted"):
            return False
        before = len(self._known)
        for form in _forms(value):
            if form not in self._known and len(self._known) < _MOST_KNOWN:
                self._known.append(form)
        return len(self._known) > before

    def learn_found(self, findings: Iterable[FoundSecret]) -> bool:
        """Add the secrets that were found by what surrounds them, so that they are found without it as well.

        Only those that look like nothing else: an ordinary word would go from every text.

        :return: whether one is new.
        """
        new = False
        for each in findings:
            if each.kind in _BY_SURROUNDINGS and len(each.secret) <= _LONGEST_FOUND and _is_unmistakable(each.secret):
                new = self.learn(each.secret.decode("ascii")) or new
        return new

    def echoes(self, text: str) -> list[FoundSecret]:
        """Return the occurrences of known secrets in a text."""
        return [
            FoundSecret(*span, ECHO, known.encode()) for known in self._known for span in _occurrences(text, known)
        ]

    def maybe_in(self, texts: Iterable[str]) -> bool:
        """Tell whether any text may contain a known secret, or the beginning of one at its end."""
        if not self._known:
            return False
        beginnings = {known[:_SHORTEST_KNOWN] for known in self._known}
        # Individually: joining them costs more than starting a search for each.
        return any(each in text for text in texts for each in beginnings)

    def maybe_within(self, values: Sequence[str]) -> bool:
        """Tell whether a header value may contain a known secret; the values are short and have no line breaks.

        They are joined, because two dozen of them are searched faster as one text.
        """
        return bool(self._known) and self.maybe_in(("\n".join(values),))


@lru_cache(4096)
def _is_unmistakable(secret: bytes) -> bool:
    """Return whether a secret is known wherever it stands."""
    return secret.isascii() and (is_random(secret) or is_loud_value(secret, Strength.HUMAN))


def _forms(value: str) -> Iterable[str]:
    """Return the written forms of a secret: plain, percent-encoded, escaped for JSON."""
    # Most keys consist of letters, digits and dashes, which need no escaping anywhere.
    if _ALIKE.fullmatch(value):
        return (value,)
    return dict.fromkeys((value, quote(value, safe=""), value.replace("/", "\\/")))


def credentials_of(name: str, value: str) -> Iterator[str]:
    """Yield the secrets in a secret header: the credentials without their scheme, or each cookie."""
    if name.lower() in ("cookie", "set-cookie"):
        for part in value.split(";"):
            cookie = part.partition("=")[2].strip()
            # Short cookies are flags and language codes, which would match in every text.
            if len(cookie) >= _SHORTEST_COOKIE:
                yield cookie
        return
    match = SCHEME.match(value)
    yield match.group(1) if match else value.strip()
    if match:
        yield _password(match.group(1))


#: Fields that may contain a credential, and where: the user information before a host, and the subprotocol in which
#: browsers send OpenAI's key for a WebSocket, because they can set no other field.
_WITHIN = {
    "host": re.compile(r"\A([^@/\s]+)@"),
    "sec-websocket-protocol": re.compile(r"(?i)(?:key|token|bearer|auth|jwt)[._-]([^\s,]{8,})"),
}
_SUBPROTOCOL = len("sec-websocket-protocol")


def may_hold_credential(line: tuple[str, str]) -> bool:
    """Rule out quickly, for nearly every header line, that its value contains a credential."""
    return ("@" in line[1] and len(line[0]) == 4) or len(line[0]) == _SUBPROTOCOL


def credential_within(name: str, value: str) -> tuple[int, int] | None:
    """Return the range of the credential in a header value, None if there is none."""
    found = _WITHIN.get(name.lower())
    match = found.search(value) if found is not None else None
    return None if match is None else match.span(1)


def _occurrences(text: str, known: str) -> Iterator[tuple[int, int]]:
    """Yield the occurrences of a known secret in a text, including its beginning at the end of a truncated one."""
    end = 0
    while (start := text.find(known, end)) >= 0:
        end = start + len(known)
        yield start, end
    # A text may be truncated in the middle of a secret, so the secret's beginning counts, too.
    start = text.find(known[:_SHORTEST_KNOWN], max(end, len(text) - len(known)))
    if start >= 0 and known.startswith(text[start:]):
        yield start, len(text)


def _password(credentials: str) -> str:
    """Return the password of Basic credentials (RFC 7617), empty if there is none."""
    try:
        return b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except (Base64Error, ValueError):
        return ""
