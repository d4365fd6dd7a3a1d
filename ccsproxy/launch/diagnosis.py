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

#: Seconds that an agent has to say its version.
_VERSION_WITHIN = 15.0
#: Bytes that should be free where records are kept; below it retention begins to remove.
_FREE = 512 << 20
#: The day before which no clock can be right: this version is not older.
_NOT_BEFORE = 1_790_000_000.0

OK, NOTE, TROUBLE = "ok", "note", "trouble"


@attr.frozen
class Diagnosis:
    """One thing that the doctor says.

    :ivar state: ``ok``, ``note`` (worth knowing) or ``trouble`` (in the way).
    :ivar about: what it is about, in a word or two.
    :ivar text: the fact, in a sentence.
    :ivar cure: what to do; empty when nothing has to be done.
    """

    state: str
    about: str
    text: str
    cure: str = ""


def examine_agent(agent: Agent, surroundings: Surroundings) -> Iterator[Diagnosis]:
    """Say how an agent is, and what in its settings outranks a launcher."""
    path = agent.find(surroundings.environment)
    if path is None:
        yield Diagnosis(
            TROUBLE, agent.name, f"{agent.title} is not installed.", f"Put '{agent.commands[0]}' into PATH."
        )
        return
    version = version_of(path, surroundings.environment)
    tried = f"; tried with {agent.measured.version} on {agent.measured.date}" if agent.measured else "; not tried yet"
    yield Diagnosis(OK, agent.name, f"{agent.title} {version or 'of unknown version'} at {path}{tried}.")
    login = agent.login(surroundings)
    if login == "none":
        yield Diagnosis(NOTE, agent.name, "It is not logged in, as far as its files and variables tell.", agent.needs)
    else:
        yield Diagnosis(OK, agent.name, f"Login: {login}.")
    for overrule in agent.overrules(surroundings):
        yield Diagnosis(TROUBLE, agent.name, f"{overrule.where} sets {overrule.what}.", overrule.cure)
    yield Diagnosis(
        OK, agent.name, f"'ccsproxy {agent.name}' leads it here by {agent.via}, which changes nothing in it."
    )
    for effect in agent.effects:
        yield Diagnosis(NOTE, agent.name, f"--via base-url: {effect}")


def version_of(path: str, environment: Mapping[str, str]) -> str | None:
    """Ask a program for its version; None when it does not say one in time."""
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
    """Say which of the shell's variables bear on how calls travel."""
    environment = surroundings.environment
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if environment.get(name):
            cure = "The service goes through it too; it is taken over when the service starts."
            yield Diagnosis(NOTE, "proxy", f"{name} is set; a launcher puts ours in its place for the agent.", cure)
    exempt = [each.strip() for each in re.split(r"[,\s]+", environment.get("NO_PROXY", "")) if each.strip()]
    hosts = [each for each in exempt if re.search(r"anthropic|openai|googleapis|chatgpt|claude", each) or each == "*"]
    if hosts:
        cure = "Take these out of NO_PROXY; what it names goes past us, unrecorded."
        yield Diagnosis(TROUBLE, "proxy", f"NO_PROXY names {', '.join(hosts)}.", cure)
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        if environment.get(name):
            cure = f"Unset {name} to record by forwarding, or start with --via base-url."
            yield Diagnosis(NOTE, "base URL", f"{name} is set: calls go to {_host(environment[name])}.", cure)
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        file = environment.get(name)
        if file and not Path(file).is_file():
            yield Diagnosis(TROUBLE, "certificates", f"{name} names {file}, which is not there.", f"Unset {name}.")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or "somewhere"


def examine_machine(data_dir: Path, now: float | None = None) -> Iterator[Diagnosis]:
    """Say whether clock and disk are as they should be."""
    moment = time.time() if now is None else now
    if moment < _NOT_BEFORE:
        yield Diagnosis(
            TROUBLE, "clock", "The clock is years behind: certificates will not be valid.", "Set the clock."
        )
    where = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    free = shutil.disk_usage(where).free
    if free < _FREE:
        cure = "Make room: the oldest records go first when the disk is nearly full."
        yield Diagnosis(TROUBLE, "disk", f"Only {free >> 20} MiB are free at {where}.", cure)
    else:
        yield Diagnosis(OK, "disk", f"{free >> 30} GiB are free at {where}.")


def examine_ports(taken: Iterable[int]) -> Iterator[Diagnosis]:
    """Say which of our ports another program has.

    :param taken: these ports.
    """
    for port in taken:
        cure = "A launcher takes another one; what is pointed at it by hand reaches the other program."
        yield Diagnosis(NOTE, "port", f"Port {port} is taken by another program.", cure)


def examine_last_session(title: str, losses: Iterable[str]) -> Iterator[Diagnosis]:
    """Say whether the last session that was recorded lost anything.

    :param title: what it is called.
    :param losses: what was lost, in sentences.
    """
    lost = list(losses)
    for loss in lost:
        yield Diagnosis(
            TROUBLE, "records", f"Of the last session ({title}): {loss}", "'ccsproxy ls' marks the calls."
        )
    if not lost:
        yield Diagnosis(OK, "records", f"The last session ({title}) is whole.")


def examine_service(found: Mapping[str, Any] | None, health: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """Say whether a service runs, and whether it lost anything.

    :param found: its run file, None when none runs.
    :param health: what ``GET /api/health`` says, empty when it does not answer.
    """
    if found is None:
        yield Diagnosis(OK, "service", "None runs; a launcher starts one and ends it with its last agent.")
        return
    yield Diagnosis(OK, "service", f"Version {found['version']} runs at {found['proxy'][0]}.")
    dropped = sum((health.get("dropped") or {}).values())
    if dropped:
        why = ", ".join(f"{count} {reason}" for reason, count in health["dropped"].items())
        yield Diagnosis(
            TROUBLE, "records", f"{dropped} exchanges were dropped: {why}.", "'ccsproxy status' says more."
        )
    elif health:
        yield Diagnosis(OK, "records", f"Nothing was dropped of {health.get('accepted')} exchanges.")
    if health.get("store") == "degraded":
        yield Diagnosis(
            TROUBLE, "records", "The store is degraded.", "Look at the log, and at the space on the disk."
        )
