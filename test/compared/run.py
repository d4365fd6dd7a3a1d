"""``python -m test.compared.run [NAME ...] [--folder DIR] [--renew] [--within SECONDS]``: compare, judge, write.

Every program runs in one place five times: directly, directly twice more (what differs between these differs by
itself), through ``ccsproxy`` by forwarding, and by base URL where there is one. Needs root for the namespaces, npm
and pip for the installing; nothing that the programs send leaves the machine.

Each program has a namespace of its own, and its results are written when it is done: a run that was interrupted, or
that had only so many seconds (``--within``), goes on where it was when it is said again.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from test.compared import install, namespace
from test.compared.comparing import compare_program
from test.compared.programs import PROGRAMS, Program

#: The exit status of a run that has done a part of its programs: say it again for the rest.
UNFINISHED = 75
#: What an older run has done is done again, in seconds.
_FRESH = 86_400

RESULTS = Path(__file__).parent.parent.parent / "docs" / "agents_tried.json"
_FOLDER = Path.home() / ".cache" / "ccsproxy" / "clients"


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m test.compared.run")
    parser.add_argument("names", nargs="*", help="programs; default: all")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the programs are installed")
    parser.add_argument("--renew", action="store_true", help="install what is newest now")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--keep", type=Path, help="leave what was seen in this folder")
    parser.add_argument("--within", type=float, default=1e9, help="begin no program after so many seconds")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def chosen(names: list[str]) -> list[Program]:
    """Return the programs that are asked for."""
    return [program for program in PROGRAMS if not names or program.name in names]


def main(argv: list[str]) -> int:
    """Install outside of the namespaces, compare inside, one program after the other."""
    options = parse(argv)
    if options.inside:
        return _inside(options)
    if os.geteuid():
        print("test-clients needs root for a network of its own; nothing was run")
        return 0
    programs = chosen(options.names)
    progress = Progress(options.folder / "progress.json", [program.name for program in programs])
    began = time.monotonic()
    for number, program in enumerate(programs):
        if program.name in progress.done:
            continue
        if time.monotonic() - began > options.within:
            print(f"{number} of {len(programs)} programs are done; say it again for the others")
            return UNFINISHED
        install.install(program, options.folder, renew=options.renew)
        progress.add(program.name, _entered(program, options))
    statuses = list(progress.done.values())
    progress.end()
    return max(statuses, default=0)


class Progress:
    """What a run has done so far, in a file: kept until all is done.

    :ivar done: exit status by program.
    """

    def __init__(self, file: Path, names: list[str]) -> None:
        """Go on with the run that the file tells of, if it is of the same programs and of this day."""
        self._file, self._names = file, names
        self.done: dict[str, int] = {}
        if file.exists() and time.time() - file.stat().st_mtime < _FRESH:
            known = json.loads(file.read_text("utf-8"))
            self.done = known["done"] if known["names"] == names else {}

    def add(self, name: str, status: int) -> None:
        """Note that a program is done."""
        self.done[name] = status
        self._file.write_text(json.dumps({"names": self._names, "done": self.done}), "utf-8")

    def end(self) -> None:
        """Forget the run: the next one begins anew."""
        self._file.unlink(missing_ok=True)


def _entered(program: Program, options: argparse.Namespace) -> int:
    """Compare one program in a namespace; what was seen is removed when all that it had started has ended."""
    with tempfile.TemporaryDirectory(prefix="ccsproxy-clients-") as temporary:
        said = ["--folder", str(options.folder), "--results", str(options.results)]
        said += ["--keep", str(options.keep or temporary), "--inside"]
        return namespace.enter("test.compared.run", [program.name, *said])


def _inside(options: argparse.Namespace) -> int:
    work = options.keep
    work.mkdir(parents=True, exist_ok=True)
    namespace.furnish(work)
    (work / "ready").unlink(missing_ok=True)
    mock = subprocess.Popen([sys.executable, "-m", "test.compared.server", str(work)])
    while not (work / "ready").exists():
        if mock.poll() is not None:
            print("the mock did not start")
            return 1
        time.sleep(0.05)
    namespace.trust(work / "authority.pem", work)
    results = [_compared(program, options.folder, work) for program in chosen(options.names)]
    mock.terminate()
    mock.wait()
    write(options.results, results)
    return 0 if all(result["verdict"] == "equal" for result in results) else 1


def _compared(program: Program, folder: Path, work: Path) -> dict[str, Any]:
    """Compare a program, and once more where it differs: a race of its own does not come twice in one place."""
    result = compare_program(program, folder, work)
    return result if result["verdict"] == "equal" else compare_program(program, folder, work)


def write(file: Path, results: list[dict[str, Any]]) -> None:
    """Put results beside those of other programs that the file holds."""
    known = {each["program"]: each for each in (json.loads(file.read_text("utf-8")) if file.exists() else ())}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    known |= {result["program"]: {**result, "date": today} for result in results}
    ordered = [known[program.name] for program in PROGRAMS if program.name in known]
    file.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
