"""Other recording proxies for coding agents, where they are installed: how each is started, and what it has kept.

They are looked for on the PATH: claude-tap (PyPI), ccglass (npm), ccs-proxy (crates.io). None is needed.
"""

import shutil
import sqlite3
from pathlib import Path

from bench.ports import free_port

RIVALS = ("claude-tap", "ccglass", "ccs-proxy")


def installed() -> list[str]:
    """Return the names of those that are there."""
    return [name for name in RIVALS if shutil.which(name)]


def command(name: str, directory: Path, port: int, upstream: str) -> list[str]:
    """Return how a rival is started as a reverse proxy that only records.

    :param upstream: its address.
    """
    if name == "claude-tap":
        where = ["--tap-host", "127.0.0.1", "--tap-port", str(port), "--tap-target", upstream]
        quiet = ["--tap-no-launch", "--tap-no-live", "--tap-no-open", "--tap-output-dir", f"{directory}/traces"]
        return ["claude-tap", *where, *quiet]
    if name == "ccs-proxy":
        where = ["--provider", "claude", "--upstream", upstream, "--proxy-port", str(port), "--api-port", "0"]
        return ["ccs-proxy", "serve", *where, "--data-dir", f"{directory}/data", "--no-open"]
    idle = directory / "idle.sh"
    idle.write_text("#!/bin/sh\nexec sleep 100000\n")
    idle.chmod(0o755)
    where = [
        "--upstream",
        upstream,
        "--port",
        str(free_port()),
        "--proxy-port",
        str(port),
        "--dir",
        f"{directory}/data",
    ]
    quiet = ["--no-open", "--no-mcp", "--no-settings-override"]
    return ["ccglass", "run", "--provider", "claude", *where, *quiet, "--", str(idle)]


def kept(name: str, directory: Path) -> int | None:
    """Count the records that a rival has kept, None where that cannot be told."""
    data = directory / "data"
    if name == "ccs-proxy":
        return sum(1 for _ in data.glob("sessions/*/[0-9]*.json"))
    if name == "ccglass":
        others = {"meta.json", "session.json"}
        return sum(1 for file in data.rglob("*.json") if "blobs" not in file.parts and file.name not in others)
    for database in directory.rglob("traces.sqlite3"):
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])
    return None
