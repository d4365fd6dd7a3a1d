"""Finding secrets in text by their shape, in linear time.

Each shape has literals that must occur for it to be tried at all, so that ordinary text costs a few substring
searches. No expression here can backtrack over more than a bounded stretch: a long run either matches whole, and is
consumed, or can begin at one place only.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator

import attr

from ccsproxy.redaction.names import secret_parameter

Span = tuple[int, int]


def _starts(prefix: str, before: str = "A-Za-z0-9") -> str:
    """Write a prefix that stands at the beginning of a word.

    The look-behind stands after the literal, so that the engine can search for the literal. An escaped line end, a
    percent-encoded byte or an escaped quotation mark before it ends a word too.

    :param before: the letters that words are made of.
    """
    byte = "[0-9A-Fa-f][0-9A-Fa-f]"
    ends = (
        rf"(?<![{before}]{prefix})",
        rf"(?<=\\[nrtbf]{prefix})",
        rf"(?<=%{byte}{prefix})",
        rf"(?<=\\u00{byte}{prefix})",
    )
    return f"{prefix}(?:{'|'.join(ends)})"


@attr.frozen
class Shape:
    """One shape of secret.

    :ivar needle: text that occurs in every secret of this shape.
    :ivar pattern: the expression; the group ``secret``, where there is one, is what to remove.
    :ivar accept: a further condition on a match.
    """

    needle: str
    pattern: re.Pattern[str]
    accept: Callable[[re.Match[str]], bool] | None = None

    def find(self, text: str) -> Iterator[Span]:
        """Yield where secrets of this shape stand."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            if self.accept is None or self.accept(match):
                yield match.span(group)

    def occurs(self, text: str) -> bool:
        """Tell whether a secret of this shape stands anywhere."""
        return any(True for _ in self.find(text))


def _is_key(match: re.Match[str]) -> bool:
    """Whether ``sk-`` begins a key: of a known maker, or at least long and not just words."""
    body = match.group("body")
    return match.group("known") is not None or (len(body) >= 20 and any(letter.isdigit() for letter in body))


def _has_digit(match: re.Match[str]) -> bool:
    return any(letter.isdigit() for letter in match.group("secret"))


def _is_basic(match: re.Match[str]) -> bool:
    """Whether the text after ``Basic`` is user and password (RFC 7617)."""
    value = match.group("secret")
    try:
        decoded = b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (Base64Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()


def _is_key_block(match: re.Match[str]) -> bool:
    """Whether a block holds a key, and is not just spoken of."""
    return match.group("end") is not None or re.search(r"[A-Za-z0-9+/=]{40}", match.group("material")) is not None


def _is_userinfo(match: re.Match[str]) -> bool:
    """Whether what stands before the ``@`` is more than a user's name."""
    value = match.group("secret")
    return ":" in value or len(value) >= 16


def _shape(needle: str, pattern: str, accept: Callable[[re.Match[str]], bool] | None = None) -> Shape:
    return Shape(needle, re.compile(pattern), accept)


def _prefixed(prefix: str, rest: str) -> Shape:
    return _shape(prefix, _starts(prefix) + rest)


_WORD = r"[A-Za-z0-9_\-]"

SHAPES = (
    _shape("sk-", _starts("sk-") + rf"(?P<body>(?P<known>(?:ant|proj)-)?{_WORD}{{10,}})", _is_key),
    _prefixed("AIza", rf"{_WORD}{{30,}}"),
    _prefixed("gh", r"[pousr]_[A-Za-z0-9]{20,}"),
    _prefixed("github_pat_", r"[A-Za-z0-9_]{20,}"),
    *(_prefixed(prefix, r"[0-9A-Z]{16}(?![0-9A-Za-z])") for prefix in ("AKIA", "ASIA")),
    _prefixed("xox", r"[bapres]-[A-Za-z0-9\-]{10,}"),
    _shape(
        "eyJ",
        _starts("eyJ", r"A-Za-z0-9_\-") + rf"{_WORD}{{5,}}\.eyJ{_WORD}{{5,}}(?:\.{_WORD}*)?",
    ),
    _shape(
        "-----BEGIN ",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<material>(?:\\+[nrt]|[A-Za-z0-9+/=\s:,.]|-(?!----))*)"
        r"(?P<end>-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        _is_key_block,
    ),
    _shape("earer ", r"earer (?<=[Bb]earer )(?P<secret>[A-Za-z0-9._~+/\-]{16,}=*)", _has_digit),
    _shape("asic ", r"asic (?<=[Bb]asic )(?P<secret>[A-Za-z0-9+/]{8,}={0,2})", _is_basic),
    _shape("://", r"://(?P<secret>[^\s/?#@\"'<>\\`]{1,300})@", _is_userinfo),
)

_URL_QUERY = re.compile(r"://[^\s\"'<>\\`?]{0,500}\?(?P<query>[^\s\"'<>\\`]{1,8000})")
_PARAMETER = re.compile(r"(?:^|[&;])(?P<name>[^&;=#]{1,64})=(?P<value>[^&;#]+)")


def url_parameters(text: str) -> Iterator[Span]:
    """Yield the values of secret query parameters in the URLs of a text."""
    for url in _URL_QUERY.finditer(text):
        start = url.start("query")
        for match in _PARAMETER.finditer(url.group("query")):
            if secret_parameter(match.group("name")):
                yield start + match.start("value"), start + match.end("value")


def find_shapes(text: str) -> list[Span]:
    """Return where token-shaped values, URL credentials and key blocks stand; spans may overlap."""
    spans: list[Span] = []
    for shape in SHAPES:
        if shape.needle in text:
            spans.extend(shape.find(text))
    if "://" in text and "?" in text:
        spans.extend(url_parameters(text))
    return spans
