"""The URL of the upstream that an exchange went to, from the record and the known upstreams."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

Upstreams = Mapping[str, str]


def exchange_url(record: Mapping[str, Any], upstreams: Upstreams) -> str:
    """Return the URL that the request was sent to.

    The record's own value comes first: an upstream may be configured differently by now, and a host reached as a
    forward proxy is not an upstream. If neither tells, the host is one below ``.invalid`` (RFC 2606), which never
    resolves.

    :param record: a record of any version, as a dict.
    :param upstreams: URL by upstream NAME.
    """
    name = str(record.get("upstream") or "")
    base = _asked(record) or upstreams.get(name) or f"https://{_label(name)}.invalid"
    return base.rstrip("/") + forwarded_path(record)


def forwarded_path(record: Mapping[str, Any]) -> str:
    """Return the request's path and query without the segment that selected the upstream."""
    path = str((record.get("request") or {}).get("path") or "/")
    name = str(record.get("upstream") or "")
    rest = path[len(name) + 1 :]
    if name and path.startswith(f"/{name}") and (not rest or rest[0] in "/?"):
        path = rest
    return path if path.startswith("/") else f"/{path}"


def is_known(record: Mapping[str, Any], upstreams: Upstreams) -> bool:
    """Tell whether the URL of the record's upstream is known."""
    return bool(_asked(record) or upstreams.get(str(record.get("upstream") or "")))


def _asked(record: Mapping[str, Any]) -> str:
    """Return the URL stated in the record, empty if there is none."""
    url = record.get("upstream_url")
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""


def host_of(url: str) -> str:
    """Return the authority of a URL, in the form of ``Host``."""
    return urlsplit(url).netloc


def _label(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return kept.strip("-") or "unknown-upstream"
