"""Masks what identifies the user of a session: home directories, names, addresses, accounts.

Secrets were replaced during recording; this is what else one may not want to pass on. Each value always gets the same
placeholder, so that the conversation remains readable.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

#: The user's name in the path of a home directory, on Linux, macOS and Windows, with or without escaped backslashes.
_HOME = re.compile(r"(?<![\w.])(/(?:home|Users)/|[A-Za-z]:\\{1,2}Users\\{1,2})([\w.@-]+)")
_EMAIL = re.compile(r"(?<![\w.+-])(?!git@)[\w.+-]{1,64}@(?!example\.)[\w-]+(?:\.[\w-]+)+")
#: Names of accounts that do not identify a person.
_NOBODYS = frozenset(
    {"user", "runner", "root", "ubuntu", "debian", "admin", "shared", "public", "vscode", "node", "app"}
)
#: Fields that name an account or an organisation.
_FIELDS = frozenset(
    {
        "chatgpt-account-id",
        "anthropic-organization-id",
        "openai-organization",
        "openai-project",
        "x-goog-user-project",
    }
)
#: Members of a request by which a provider distinguishes its users.
_MEMBERS = frozenset({"user_id", "account_uuid", "device_id", "organization_uuid", "safety_identifier"})
MASKED = "masked"


class Masking:
    """Masks the records of one session.

    Names are collected from paths and masked wherever else they occur. So all records are examined first.

    :param records: those of the session.
    :ivar counts: how often each kind was masked.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        names: set[str] = set()
        for record in records:
            _collect(record, names)
        known = sorted(names, key=len, reverse=True)
        self._names = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?!\w)") if known else None
        self.counts: Counter[str] = Counter()

    def record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a masked record; who recorded it and which program made the call are left out."""
        # The texts at the top level are ids and our own words, needed to build a page, and contain no names.
        masked = {
            name: each if isinstance(each, str) else self.value(each)
            for name, each in record.items()
            if name != "labels"
        }
        client = masked.get("client")
        if isinstance(client, dict):
            if client.get("account"):
                self.counts["account ids"] += 1
            masked["client"] = {**client, "account": None, "process": None}
        return masked

    def value(self, value: Any, name: str = "") -> Any:
        """Return a masked JSON value.

        :param name: of the member that contains it.
        """
        if isinstance(value, dict):
            return {key: self.value(each, key) for key, each in value.items()}
        if isinstance(value, list):
            if len(value) == 2 and isinstance(value[0], str) and value[0].lower() in _FIELDS:
                return [value[0], self._masked("account ids")]
            return [self.value(each) for each in value]
        if isinstance(value, str) and value:
            is_account = name.lower() in _FIELDS or name in _MEMBERS
            return self._masked("account ids") if is_account else self.text(value)
        return value

    def text(self, text: str) -> str:
        """Return a masked text."""
        if "/" in text or "\\" in text:
            text = _HOME.sub(self._home, text)
        if "@" in text:
            text = _EMAIL.sub(lambda _: self._masked("e-mail addresses", "somebody@example.com"), text)
        return self._names.sub(lambda _: self._masked("user names", "user"), text) if self._names else text

    def _home(self, match: re.Match[str]) -> str:
        if match[2].lower() in _NOBODYS:
            return match[0]
        return match[1] + self._masked("home folders", "user")

    def _masked(self, kind: str, word: str = MASKED) -> str:
        self.counts[kind] += 1
        return word


def _collect(value: Any, names: set[str]) -> None:
    """Collect the user names in home directories; short ones are too often ordinary words."""
    if isinstance(value, dict):
        for each in value.values():
            _collect(each, names)
    elif isinstance(value, list):
        for each in value:
            _collect(each, names)
    elif isinstance(value, str) and ("/" in value or "\\" in value):
        found = (match[2] for match in _HOME.finditer(value))
        names.update(each for each in found if len(each) > 3 and each.lower() not in _NOBODYS)
