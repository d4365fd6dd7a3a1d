"""Redacts a JSON value of any depth."""

from collections.abc import Callable
from typing import Any

from ccsproxy.redaction.kinds.tags import Tagger
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.search.finding import ECHO, FoundSecret
from ccsproxy.redaction.search.spans import blanked
from ccsproxy.redaction.tree import NO_CLAIM, Claim, below, claim_of, element_claim, is_data, secret_in

_LONGEST_PLACE = 160

Find = Callable[[str], list[FoundSecret]]


def findings_in(find: Find, value: str, key: object, claim: Claim) -> list[FoundSecret]:
    """Return the secrets of a text in a JSON value: those found in it, else all of it if its key says so.

    :param find: searches a text.
    :param key: the name or list index of the text.
    :param claim: what the keys say.
    """
    found = find(value)
    # In base64 anything may match by chance; an encoded key is found where it begins.
    if found and is_data(key, value):
        found = [each for each in found if each.start == 0]
    start = secret_in(claim, value, key if isinstance(key, str) else "")
    if start is None or any(
        each.kind != ECHO and each.start <= start and each.end >= len(value) - 1 for each in found
    ):
        return found
    return [FoundSecret(start, len(value), claim[0], value[start:].encode("utf-8", "surrogatepass"))]


def _below(path: str, step: str) -> str:
    """Return the path of a child; deep paths are cut to their first steps."""
    return path + step if len(path) < _LONGEST_PLACE else path


class TreeRedactor:
    """Copies a JSON value without its secrets."""

    def __init__(
        self,
        find: Find,
        tagger: Tagger,
        report: SecretReport,
        listed: Callable[[list[Any], str], list[Any]],
        learn: Callable[[list[FoundSecret]], None] = lambda _: None,
    ) -> None:
        """Prepare a value.

        :param find: searches a text.
        :param report: receives the removed secrets.
        :param listed: redacts events in a list.
        :param learn: is told what was found, also by the name of a member.
        """
        self._find, self._tagger, self._report, self._listed = find, tagger, report, listed
        self._learn = learn

    def redact(self, value: Any, where: str) -> Any:
        """Return the value without its secrets.

        :param where: how the value is named in the report.
        """
        root: list[Any] = [value]
        waiting: list[tuple[Any, Any, Any, Claim, str]] = [(root, 0, value, NO_CLAIM, where)]
        while waiting:
            into, at, node, claim, path = waiting.pop()
            if isinstance(node, str):
                into[at] = self._text(node, at, claim, path)
            elif isinstance(node, dict):
                copy: dict[str, Any] = {}
                into[at] = copy
                waiting.extend(reversed(self._members(node, copy, claim, path)))
            elif isinstance(node, list):
                into[at] = listed = list(node)
                waiting.extend(
                    (
                        listed,
                        place,
                        child,
                        element_claim(node, place, claim) if isinstance(child, str) else claim,
                        _below(path, f"[{place}]"),
                    )
                    for place, child in reversed(list(enumerate(node)))
                    if isinstance(child, str | dict | list)
                )
        return root[0]

    def _members(
        self, node: dict[str, Any], copy: dict[str, Any], claim: Claim, path: str
    ) -> list[tuple[Any, Any, Any, Claim, str]]:
        """Copy the members of an object, and return those that have to be descended into."""
        waiting: list[tuple[Any, Any, Any, Claim, str]] = []
        for key, child in node.items():
            # Names are text, too: a map keyed by token has its secrets in the names.
            name = self._text(key, None, NO_CLAIM, path)
            inner = _below(path, f".{name[:64]}")
            if key[:1] == "_" and isinstance(child, list) and child:
                child = self._listed(child, inner)
            copy[name] = child
            if isinstance(child, str | dict | list):
                own = claim_of(key, node, claim)
                waiting.append((copy, name, child, below(own, key) if isinstance(child, dict) else own, inner))
        return waiting

    def _text(self, value: str, key: object, claim: Claim, path: str) -> str:
        findings = findings_in(self._find, value, key, claim)
        if not findings:
            return value
        self._learn(findings)
        for each in findings:
            if each.secret:
                self._report.note(each.kind, path, self._tagger.tag(each.secret))
        return blanked(value, findings, self._tagger.placeholder)
