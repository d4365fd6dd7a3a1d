"""One program, run in every way, and what came of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attr

from ccsproxy.launch.agent import BASE_URL, FORWARD
from ccsproxy.launch.measuring.differences import MeasuredDifference, MeasuredRequest, compare, still
from ccsproxy.launch.registry import BY_NAME
from ccsproxy.proxy.forward.interception import Interception
from test.compared import install
from test.compared.judging import judge
from test.compared.programs import Program

#: Seconds that one run may take, also on a machine that has much else to do.
LIMIT = 150
_SCRIPTS = Path(__file__).parent / "scripts"
_CCSPROXY = str(Path(sys.executable).with_name("ccsproxy"))
_KNOWN = Interception.parse(())


@attr.frozen
class Run:
    """One run of a program.

    :ivar seen: what the mock saw, as it wrote it.
    """

    status: int
    output: str
    errors: str
    seen: list[dict[str, Any]]

    @property
    def calls(self) -> list[MeasuredRequest]:
        """The model calls."""
        return [request for request in self._all() if request.is_model_call]

    @property
    def side(self) -> list[MeasuredRequest]:
        """What else was asked of the hosts of models."""
        return [request for request in self._all() if not request.is_model_call and _is_known(request)]

    @property
    def others(self) -> set[str]:
        """What was asked of other hosts."""
        return {request.key for request in self._all() if not _is_known(request)}

    def _all(self) -> list[MeasuredRequest]:
        return [_request(each) for each in self.seen]


def _request(seen: dict[str, Any]) -> MeasuredRequest:
    fields = tuple((name, value) for name, value in seen["headers"])
    told = bool(seen["told"])
    return MeasuredRequest(seen["kind"], seen["method"], seen["host"], seen["target"], fields, seen["body"], told)


def _is_known(request: MeasuredRequest) -> bool:
    return _KNOWN.includes(request.host.partition(":")[0], 443)


def compare_program(program: Program, folder: Path, work: Path) -> dict[str, Any]:
    """Run a program in every way, and return the results."""
    place = Place(program, folder, work)
    direct, *further = (place.run(name) for name in ("direct", "again", "once-more"))
    data_dir = work / program.name / "data"
    forward = place.run("forward", [_CCSPROXY, "--data-dir", str(data_dir), "--quiet", "--via", FORWARD])
    of_itself = {each.where for again in further for each in _differences(direct, again)}
    version = install.version(program, folder)
    wrong = list(judge(program, version, str(place.project), forward.seen, data_dir))
    result: dict[str, Any] = {
        "program": program.name,
        "title": program.title,
        "agent": program.launcher,
        "version": version,
        "calls": sum(bool(each["told"]) for each in forward.seen),
        "requests": _said(compare(direct.calls, forward.calls), of_itself),
        "side": _said(compare(direct.side, forward.side), of_itself),
        "varies": sorted({f"{request}: {where or 'how often'}" for request, where in of_itself}),
        "others": sorted(direct.others.intersection(*(again.others for again in further)) - forward.others),
        "answer": "equal" if still(direct.output) == still(forward.output) else "differs",
        "status": [direct.status, forward.status],
        "record": sorted(set(wrong)),
    }
    agent = BY_NAME.get(program.launcher)
    if agent is not None and agent.base_url is not None:
        based = place.run("base-url", [_CCSPROXY, "--data-dir", f"{data_dir}2", "--quiet", "--via", BASE_URL])
        result["base_url"] = _said(_differences(direct, based), of_itself)
    same = direct.status == forward.status == 0 and result["answer"] == "equal"
    result["verdict"] = "equal" if same and not result["requests"] and not wrong else "differs"
    print(f"{result['verdict']:8} {program.name} {version}", flush=True)
    return result


def _differences(one: Run, other: Run) -> list[MeasuredDifference]:
    return [*compare(one.calls, other.calls), *compare(one.side, other.side)]


def _said(differences: Sequence[MeasuredDifference], of_itself: set[tuple[str, str]]) -> list[str]:
    return [difference.text() for difference in differences if difference.where not in of_itself]


class Place:
    """The home and the folder in which a program runs: made anew for each run, under the same names."""

    def __init__(self, program: Program, folder: Path, work: Path) -> None:
        self._program, self._folder = program, folder
        self._logs = work / program.name
        self._logs.mkdir(parents=True, exist_ok=True)
        self._seen = work / "seen.jsonl"
        self.home = work / "place" / "home"
        self.project = work / "place" / "project"

    def run(self, name: str, launcher: Sequence[str] = ()) -> Run:
        """Run it once.

        :param launcher: ``ccsproxy`` and its options; empty to run it directly.
        """
        self._furnish()
        before = self._seen.stat().st_size
        command = [self._filled(word) for word in self._program.command]
        if launcher:
            own = (
                ["run", "--", *command] if self._program.launcher == "run" else [self._program.launcher, *command[1:]]
            )
            command = [*launcher, *own]
        status, output, errors = self._execute(command)
        with self._seen.open("rb") as seen:
            seen.seek(before)
            found = [json.loads(line) for line in seen]
        for suffix, text in (("out", output), ("err", errors)):
            (self._logs / f"{name}.{suffix}").write_text(text, "utf-8")
        (self._logs / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in found), "utf-8")
        return Run(status, output, errors, found)

    def _furnish(self) -> None:
        for folder in (self.home, self.project):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        (self.project / "notes.txt").write_text("héllo ✓\n", "utf-8")
        for script in _SCRIPTS.glob("*.mjs"):
            shutil.copy(script, self.home)
        modules = self._folder / "npm" / self._program.name / "node_modules"
        if modules.is_dir():
            (self.home / "node_modules").symlink_to(modules)
        for path, text in self._program.files.items():
            (self.home / path).parent.mkdir(parents=True, exist_ok=True)
            (self.home / path).write_text(text, "utf-8")
        if self._program.before:
            self._execute([self._filled(word) for word in self._program.before])

    def _execute(self, command: Sequence[str]) -> tuple[int, str, str]:
        environment = self._environment()
        path = shutil.which(command[0], path=environment["PATH"])
        if path is None:
            return 127, "", f"{command[0]}: not found"
        try:
            done = subprocess.run(
                [path, *command[1:]],
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired as late:
            return 124, (late.stdout or b"").decode(errors="replace"), (late.stderr or b"").decode(errors="replace")
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        authority = str(self._seen.with_name("authority.pem"))
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        return {
            "PATH": os.pathsep.join([*map(str, install.paths(self._program, self._folder)), "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "NODE_EXTRA_CA_CERTS": authority,
            "CODEX_CA_CERTIFICATE": authority,
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            **self._program.environment,
        }

    def _filled(self, word: str) -> str:
        return (
            word.replace("{home}", str(self.home))
            .replace("{project}", str(self.project))
            .replace("{scripts}", str(_SCRIPTS))
        )
