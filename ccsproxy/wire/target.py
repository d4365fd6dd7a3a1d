"""Parsing request targets and authorities. No byte of a path or query is altered."""

import re
from collections.abc import Container

#: What may occur in a request target: visible ASCII. Parsers differ in how they treat anything else.
VISIBLE = re.compile(rb"[\x21-\x7e]+")

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?")
_FIRST_SEGMENT = re.compile(rb"/([^/?]*)")


class BadTarget(ValueError):
    """A request target or an authority that is invalid or ambiguous."""


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Split a request target into its authority and its path with query (RFC 9112 section 3.2).

    :param target: origin-form (``/path?query``) or absolute-form (``http://authority/path?query``).
    :return: the authority, empty for origin-form, and the target in origin-form.
    :raises BadTarget: if it is neither, so that no target can name another destination.
    """
    if not VISIBLE.fullmatch(target):
        raise BadTarget("The request target contains bytes that are not visible ASCII.")
    if target.startswith(b"/"):
        return b"", target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadTarget("The request target must be a path that starts with a slash.")
    authority, rest = absolute.groups()
    parse_authority(authority)
    return authority, rest if rest.startswith(b"/") else b"/" + rest


def parse_authority(value: bytes) -> tuple[bytes, int | None]:
    """Parse the value of ``Host`` or the authority of a target: a name or address, optionally with a port.

    :return: the host in lower case, brackets of an IPv6 address removed, and the port if there is one.
    :raises BadTarget: if it is empty, contains user information, or is anything else.
    """
    match = _AUTHORITY.fullmatch(value)
    if match is None:
        raise BadTarget("The host is not a plain name or address with an optional port.")
    host, digits = match.groups()
    port = int(digits) if digits else None
    if port is not None and not 0 < port < 65536:
        raise BadTarget("The host's port is not between 1 and 65535.")
    return host.strip(b"[]").lower(), port


def route(target: bytes, names: Container[bytes]) -> tuple[bytes, bytes]:
    """Find the upstream that the first path segment of a target selects.

    :param target: in origin-form.
    :param names: the names of the upstreams.
    :return: the name and the target without that segment; an empty name and the unchanged target if it selects none.
    """
    match = _FIRST_SEGMENT.match(target)
    if match is None or match[1] not in names:
        return b"", target
    rest = target[match.end() :]
    return match[1], rest if rest.startswith(b"/") else b"/" + rest


def with_base_path(base_path: bytes, target: bytes) -> bytes:
    """Prepend an upstream's base path to a target in origin-form.

    :param base_path: empty, or a path that starts with a slash and does not end with one.
    :raises BadTarget: if the target does not start with a slash: joined to anything, it could name another host.
    """
    if not target.startswith(b"/"):
        raise BadTarget("Only a target that starts with a slash can follow a base path.")
    return base_path + target
