"""The user's own credentials for a repeated request: from the environment, and only for the host they belong to."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.request import ReplayRequest
from ccsproxy.providers.key_variables import KeyVariable, key_variables
from ccsproxy.providers.registry import provider_at

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def login_for(
    request: ReplayRequest, environment: Mapping[str, str], configured: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return the header fields with the credential; empty if the recorded request had none.

    A record may come from anywhere, and so may its address. So a key is sent to the provider's own hosts, to this
    machine, and to an upstream of the running service, and nowhere else.

    :param configured: URL by NAME of the running service's upstreams.
    :raises NotReplayable: if the environment has no such credential, or if the upstream must not receive one.
    """
    if not request.shown:
        return ()
    variables = _variables(request, configured)
    usable = [each for each in variables if environment.get(each.variable)]
    # The recorded kind of credential first: another one may mean another account and another bill.
    usable.sort(key=lambda each: each.field not in request.shown)
    if not usable:
        first, *others = [each.variable for each in variables]
        also = f" (or {', '.join(others)})" if others else ""
        raise NotReplayable(f"records hold no credentials, so that it needs yours: set {first}{also}")
    return (usable[0].line(environment[usable[0].variable]),)


def _variables(request: ReplayRequest, configured: Mapping[str, str]) -> tuple[KeyVariable, ...]:
    host = (urlsplit(request.base).hostname or "").lower()
    known = provider_at(host)
    if known is not None:
        return key_variables(known.name)
    if host not in _LOOPBACK and configured.get(request.upstream) != request.base:
        raise NotReplayable(
            f"{host or 'its upstream'} is no provider that is known, and no upstream of a running service, "
            "so that it is shown no credential of yours"
        )
    return key_variables(request.upstream)
