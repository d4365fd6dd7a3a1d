"""Starting an agent with a harmless prompt by both methods, and reporting how its requests differ.

Nothing reaches a provider: a mock on this machine is both the base URL and the proxy. The agent uses the user's own
login and settings, since these determine its behaviour.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import attr

from ccsproxy.errors import StartError
from ccsproxy.launch.agent import Agent, Leading, ServiceFacts, Surroundings
from ccsproxy.launch.background import UPSTREAMS
from ccsproxy.launch.bundle import write_bundle
from ccsproxy.launch.diagnosis import version_of
from ccsproxy.launch.environment import forward_environment
from ccsproxy.launch.measuring.differences import MeasuredDifference, MeasuredRequest, compare
from ccsproxy.launch.measuring.mock import MeasuringMock
from ccsproxy.providers.registry import PROVIDERS
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.certificates import CertifiedKey, make_leaf, utc_now
from ccsproxy.proxy.forward.interception import Interception

PROMPT = "Say hello. Do nothing else."
#: Time limit of one run in seconds.
_LIMIT = 90
#: Upstream name to the path in its URL.
_PATHS = {each.name: urlsplit(each.url).path.rstrip("/") for each in PROVIDERS if each.name in UPSTREAMS}


@attr.frozen
class Measurement:
    """How an agent's requests differ under a base URL.

    :ivar version: the agent's version, None if unknown.
    :ivar calls: number of model calls by forwarding, and by base URL.
    :ivar sizes: bytes of their bodies, as JSON, likewise.
    :ivar differences: the differences in model calls.
    :ivar trouble: why there is no result; empty if there is one.
    """

    version: str | None
    calls: tuple[int, int] = (0, 0)
    sizes: tuple[int, int] = (0, 0)
    differences: tuple[MeasuredDifference, ...] = ()
    trouble: str = ""


def measure(agent: Agent, surroundings: Surroundings) -> Measurement:
    """Run an agent by both methods.

    :raises StartError: if it is not installed, has no base URL, or cannot be given a prompt on the command line.
    """
    path = agent.find(surroundings.environment)
    if path is None:
        raise StartError(f"{agent.title} is not installed: no '{agent.commands[0]}' in PATH.")
    if agent.base_url is None or not agent.asking:
        raise StartError(
            f"{agent.title} cannot be measured: it has no base URL, or takes no prompt on its command line."
        )
    with tempfile.TemporaryDirectory(prefix="ccsproxy-measure-") as folder:
        return _measured(agent, path, surroundings, Path(folder))


def _measured(agent: Agent, path: str, surroundings: Surroundings, folder: Path) -> Measurement:
    version = version_of(path, surroundings.environment)
    store = AuthorityStore(folder / "ca", Interception.parse(()).names)
    authority = store.ensure()
    mock = MeasuringMock(lambda host: _context(authority, host, folder))
    try:
        bundle = write_bundle(store.certificate_path, surroundings.environment)
        facts = ServiceFacts(mock.url, store.certificate_path, bundle, dict.fromkeys(UPSTREAMS, mock.url))
        # Both runs use the mock as their proxy, so that nothing escapes; only one has a base URL as well.
        proxied = forward_environment(facts, surroundings.environment)
        based = agent.base_url(facts, surroundings) if agent.base_url is not None else Leading()
        place = folder / "project"  # the same for both: agents report their directory
        runs = [_run(agent, path, surroundings, way, mock, place) for way in (proxied, _both(proxied, based))]
    finally:
        mock.close()
    forward, base = ([request for request in run if request.is_model_call] for run in runs)
    if not forward or not base:
        way = "by forwarding" if not forward else "under the base URL"
        return Measurement(version, (len(forward), len(base)), trouble=f"It made no model call {way}.")
    found = compare(map(_placeless, forward), map(_placeless, base))
    return Measurement(version, (len(forward), len(base)), (_size(forward), _size(base)), tuple(found))


def _both(proxied: Leading, based: Leading) -> Leading:
    return Leading({**proxied.environment, **based.environment}, based.arguments)


def _run(
    agent: Agent, path: str, surroundings: Surroundings, way: Leading, mock: MeasuringMock, place: Path
) -> list[MeasuredRequest]:
    words = [PROMPT if word == "{prompt}" else word for word in agent.asking]
    environment: Mapping[str, str] = {**surroundings.environment, **way.environment}
    place.mkdir()
    try:
        subprocess.run(  # noqa: S603 - the user's own agent
            [path, *way.arguments, *words],
            cwd=place,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pass  # the requests until then are compared
    shutil.rmtree(place, ignore_errors=True)
    return mock.take()


def _placeless(request: MeasuredRequest) -> MeasuredRequest:
    """Return a request without its host; under a base URL, with the path that the upstream's name stands for."""
    name, _, rest = request.target[1:].partition("/")
    target = request.target if request.host or name not in _PATHS else f"{_PATHS[name]}/{rest}"
    fields = tuple(each for each in request.headers if each[0].lower() != "host")
    return attr.evolve(request, host="", target=target, headers=fields)


def _size(requests: list[MeasuredRequest]) -> int:
    return sum(len(json.dumps(request.body)) for request in requests)


def _context(authority: CertifiedKey, host: str, folder: Path) -> ssl.SSLContext:
    """Return a context with a certificate for a host; OpenSSL loads it only from a file."""
    leaf = make_leaf(authority, host, utc_now())
    file = folder / f"{os.urandom(6).hex()}.pem"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(leaf.certificate_pem + leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    file.unlink()
    return context
