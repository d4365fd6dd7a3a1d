"""The secrets that an exchange itself has shown, so that their echoes are replaced wherever they occur in it."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from ccsproxy.redaction.search.finding import FoundSecret

#: Shorter values occur in ordinary text; cookies must be longer still, since many are words.
_SHORTEST_KNOWN = 8
_SHORTEST_COOKIE = 16
_MOST_KNOWN = 64
#: What people write where a key is asked for and none is needed; no secret, and found in ordinary text.
_DUMMIES = frozenset({"lm-studio", "not-needed", "dummy-key", "anything", "undefined", "placeholder", "anthropic"})
#: A credential behind the scheme by which it authenticates (RFC 9110, 11.4).
SCHEME = re.compile(r"\A(?:Bearer|Basic|Token|ApiKey|Negotiate|DPoP)\s+(\S+)\s*\Z", re.IGNORECASE)
_KNOWN_KIND = "credential"
#: What `quote` leaves as it is (RFC 3986, 2.3).
_ALIKE = re.compile(r"[A-Za-z0-9_.~-]+")


class KnownSecrets:
    """What stands in secret headers, parameters and form fields of one exchange."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def all(self) -> list[str]:
        """Return all of them, in every form."""
        return self._known

    def learn(self, value: str) -> bool:
        """Remember a secret; short values are not, they would be found everywhere.

        :return: whether it is new.
        """
        if len(value) < _SHORTEST_KNOWN or value.lower() in _DUMMIES or value.startswith("<redacted"):
            return False
        before = len(self._known)
        for form in _forms(value):
            if form not in self._known and len(self._known) < _MOST_KNOWN:
                self._known.append(form)
        return len(self._known) > before

    def echoes(self, text: str) -> list[FoundSecret]:
        """Return where known secrets stand in a text."""
        return [
            FoundSecret(*span, _KNOWN_KIND, known.encode())
            for known in self._known
            for span in _occurrences(text, known)
        ]

    def maybe_in(self, texts: Iterable[str]) -> bool:
        """Whether one of some texts may hold a known secret, or begin one at its end."""
        if not self._known:
            return False
        beginnings = {known[:_SHORTEST_KNOWN] for known in self._known}
        # Each by itself: to join them costs more than to begin a search for each.
        return any(each in text for text in texts for each in beginnings)

    def maybe_within(self, values: Sequence[str]) -> bool:
        """Whether one of the short values of a head may hold a known secret; they have no line breaks.

        Joined, as two dozen of them are searched faster at once.
        """
        return bool(self._known) and self.maybe_in(("\n".join(values),))


def _forms(value: str) -> Iterable[str]:
    """Return how a secret is written: as it is, in addresses, in JSON."""
    # Most keys are letters, digits and dashes, which are written alike everywhere.
    if _ALIKE.fullmatch(value):
        return (value,)
    return dict.fromkeys((value, quote(value, safe=""), value.replace("/", "\\/")))


def credentials_of(name: str, value: str) -> Iterator[str]:
    """Yield what a secret header holds: the credentials without their scheme, each cookie by itself."""
    if name.lower() in ("cookie", "set-cookie"):
        for part in value.split(";"):
            cookie = part.partition("=")[2].strip()
            # Short cookies are flags and languages, whose echoes would be found in every text.
            if len(cookie) >= _SHORTEST_COOKIE:
                yield cookie
        return
    match = SCHEME.match(value)
    yield match.group(1) if match else value.strip()
    if match:
        yield _password(match.group(1))


#: Fields of which a part is a credential, and where: the user before a host, and OpenAI's way to give a key to a
#: WebSocket from a browser, where no other field can be set.
_WITHIN = {
    "host": re.compile(r"\A([^@/\s]+)@"),
    "sec-websocket-protocol": re.compile(r"(?i)(?:key|token|bearer|auth|jwt)[._-]([^\s,]{8,})"),
}
_SUBPROTOCOL = len("sec-websocket-protocol")


def may_hold_credential(line: tuple[str, str]) -> bool:
    """Tell quickly of nearly every header line that no part of its value is a credential."""
    return ("@" in line[1] and len(line[0]) == 4) or len(line[0]) == _SUBPROTOCOL


def credential_within(name: str, value: str) -> tuple[int, int] | None:
    """Return where in the value of a header field a credential stands, None where there is none in it."""
    found = _WITHIN.get(name.lower())
    match = found.search(value) if found is not None else None
    return None if match is None else match.span(1)


def _occurrences(text: str, known: str) -> Iterator[tuple[int, int]]:
    """Yield where a known secret stands in a text, and where its beginning stands at the end of a cut one."""
    end = 0
    while (start := text.find(known, end)) >= 0:
        end = start + len(known)
        yield start, end
    # A text may be cut in the middle of a secret: its beginning is one, too.
    start = text.find(known[:_SHORTEST_KNOWN], max(end, len(text) - len(known)))
    if start >= 0 and known.startswith(text[start:]):
        yield start, len(text)


def _password(credentials: str) -> str:
    """Return the password of Basic credentials (RFC 7617), empty where they hold none."""
    try:
        return b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except (Base64Error, ValueError):
        return ""
