"""What ``ccsproxy doctor`` finds: facts about an agent, the shell and the machine, and what to do about those that
stand in the way."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attr

from ccsproxy.launch.agent import Agent, Surroundings

#: Time limit in seconds for an agent to print its version.
_VERSION_WITHIN = 15.0
#: Free bytes that should be available for records; below this, retention starts to remove.
_FREE = 512 << 20
#: A clock before this date is certainly wrong: this version was released later.
_NOT_BEFORE = 1_790_000_000.0

OK, NOTE, TROUBLE = "ok", "note", "trouble"


@attr.frozen
class Diagnosis:
    """One statement of the doctor.

    :ivar state: ``ok``, ``note`` (worth knowing) or ``trouble`` (a problem).
    :ivar about: what it is about, in a word or two.
    :ivar text: the fact, in a sentence.
    :ivar cure: the remedy; empty if nothing has to be done.
    """

    state: str
    about: str
    text: str
    cure: str = ""


def examine_agent(agent: Agent, surroundings: Surroundings) -> Iterator[Diagnosis]:
    """Report the state of an agent, and which of its settings override a launcher."""
    path = agent.find(surroundings.environment)
    if path is None:
        yield Diagnosis(
            TROUBLE, agent.name, f"{agent.title} is not installed.", f"Put '{agent.commands[0]}' into PATH."
        )
        return
    version = version_of(path, surroundings.environment)
    tried = (
        f"; tested with {agent.measured.version} on {agent.measured.date}" if agent.measured else "; not tested yet"
    )
    yield Diagnosis(OK, agent.name, f"{agent.title} {version or 'of unknown version'} at {path}{tried}.")
    login = agent.login(surroundings)
    if login == "none":
        yield Diagnosis(NOTE, agent.name, "It is not logged in, according to its files and variables.", agent.needs)
    else:
        yield Diagnosis(OK, agent.name, f"Login: {login}.")
    for overrule in agent.overrules(surroundings):
        yield Diagnosis(TROUBLE, agent.name, f"{overrule.where} sets {overrule.what}.", overrule.cure)
    yield Diagnosis(
        OK,
        agent.name,
        f"'ccsproxy {agent.name}' starts it with --via {agent.via}, which does not change its behaviour.",
    )
    for effect in agent.effects:
        yield Diagnosis(NOTE, agent.name, f"--via base-url: {effect}")


def version_of(path: str, environment: Mapping[str, str]) -> str | None:
    """Return a program's version; None if it does not print one in time."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own agent
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_WITHIN,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    found = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    return found[0] if found else None


def examine_shell(surroundings: Surroundings) -> Iterator[Diagnosis]:
    """Report which of the shell's variables affect how calls are routed."""
    environment = surroundings.environment
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if environment.get(name):
            cure = "The service uses it too; it is read when the service starts."
            yield Diagnosis(NOTE, "proxy", f"{name} is set; a launcher replaces it by ours for the agent.", cure)
    exempt = [each.strip() for each in re.split(r"[,\s]+", environment.get("NO_PROXY", "")) if each.strip()]
    hosts = [each for each in exempt if re.search(r"anthropic|openai|googleapis|chatgpt|claude", each) or each == "*"]
    if hosts:
        cure = "Remove these from NO_PROXY; calls to hosts in it bypass the proxy and are not recorded."
        yield Diagnosis(TROUBLE, "proxy", f"NO_PROXY names {', '.join(hosts)}.", cure)
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        if environment.get(name):
            cure = f"Unset {name} to record by forwarding, or start with --via base-url."
            yield Diagnosis(NOTE, "base URL", f"{name} is set: calls go to {_host(environment[name])}.", cure)
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        file = environment.get(name)
        if file and not Path(file).is_file():
            yield Diagnosis(TROUBLE, "certificates", f"{name} names {file}, which does not exist.", f"Unset {name}.")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or "somewhere"


def examine_machine(data_dir: Path, now: float | None = None) -> Iterator[Diagnosis]:
    """Report whether clock and disk are in order."""
    moment = time.time() if now is None else now
    if moment < _NOT_BEFORE:
        yield Diagnosis(
            TROUBLE, "clock", "The clock is years behind: certificates will not be valid.", "Set the clock."
        )
    where = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    free = shutil.disk_usage(where).free
    if free < _FREE:
        cure = "Free some space: the oldest records are removed when the disk is nearly full."
        yield Diagnosis(TROUBLE, "disk", f"Only {free >> 20} MiB are free at {where}.", cure)
    else:
        yield Diagnosis(OK, "disk", f"{free >> 30} GiB are free at {where}.")


def examine_ports(taken: Iterable[int]) -> Iterator[Diagnosis]:
    """Report which of our ports are in use by another program.

    :param taken: these ports.
    """
    for port in taken:
        cure = "A launcher uses another one; clients configured by hand for this port reach the other program."
        yield Diagnosis(NOTE, "port", f"Port {port} is taken by another program.", cure)


def examine_last_session(title: str, losses: Iterable[str]) -> Iterator[Diagnosis]:
    """Report whether the last recorded session lost anything.

    :param title: its title.
    :param losses: what was lost, in sentences.
    """
    lost = list(losses)
    for loss in lost:
        yield Diagnosis(
            TROUBLE, "records", f"Of the last session ({title}): {loss}", "'ccsproxy ls' marks the calls."
        )
    if not lost:
        yield Diagnosis(OK, "records", f"The last session ({title}) is complete.")


def examine_service(found: Mapping[str, Any] | None, health: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """Report whether a service runs, and whether it lost anything.

    :param found: its run file, None if none runs.
    :param health: the content of ``GET /api/health``, empty if it does not answer.
    """
    if found is None:
        yield Diagnosis(
            OK, "service", "No service is running; a launcher starts one, which ends with its last agent."
        )
        return
    yield Diagnosis(OK, "service", f"Version {found['version']} runs at {found['proxy'][0]}.")
    dropped = sum((health.get("dropped") or {}).values())
    if dropped:
        why = ", ".join(f"{count} {reason}" for reason, count in health["dropped"].items())
        yield Diagnosis(
            TROUBLE, "records", f"{dropped} exchanges were dropped: {why}.", "Run 'ccsproxy status' for details."
        )
    elif health:
        yield Diagnosis(OK, "records", f"Nothing was dropped of {health.get('accepted')} exchanges.")
    if health.get("store") == "degraded":
        yield Diagnosis(
            TROUBLE, "records", "The store is degraded.", "Look at the log, and at the space on the disk."
        )
    if trouble := ((health.get("store_detail") or {}).get("index") or {}).get("trouble"):
        cure = "Records are kept; lists and searches lack them until there is room and the disk works."
        yield Diagnosis(TROUBLE, "index", f"It is not kept up: {trouble}.", cure)
