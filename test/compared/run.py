"""``python -m test.compared.run [NAME ...] [--folder DIR] [--renew] [--results FILE]``: compare, judge, write.

Every program runs in one place five times: directly, directly twice more (what differs between these differs by
itself), through ``ccsproxy`` by forwarding, and by base URL where there is one. Needs root for the namespaces, npm
and pip for the installing; nothing that the programs send leaves the machine.
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
    return parser.parse_args(argv)


def chosen(names: list[str]) -> list[Program]:
    """Return the programs that are asked for."""
    return [program for program in PROGRAMS if not names or program.name in names]


def main(argv: list[str]) -> int:
    """Install outside of the namespace, compare inside."""
    options = parse(argv)
    if namespace.is_inside():
        return _inside(options)
    if os.geteuid():
        print("test-clients needs root for a network of its own; nothing was run")
        return 0
    for program in chosen(options.names):
        install.install(program, options.folder, renew=options.renew)
    return namespace.enter("test.compared.run", argv)


def _inside(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="ccsproxy-clients-") as temporary:
        work = options.keep or Path(temporary)
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
        results = [compare_program(program, options.folder, work) for program in chosen(options.names)]
        mock.terminate()
        mock.wait()
    write(options.results, results)
    return 0 if all(result["verdict"] == "equal" for result in results) else 1


def write(file: Path, results: list[dict[str, Any]]) -> None:
    """Put results beside those of other programs that the file holds."""
    known = {each["program"]: each for each in (json.loads(file.read_text("utf-8")) if file.exists() else ())}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    known |= {result["program"]: {**result, "date": today} for result in results}
    ordered = [known[program.name] for program in PROGRAMS if program.name in known]
    file.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
