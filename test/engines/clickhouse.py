"""A ClickHouse behind a door for tests: started, asked, killed with -9 and started again over the same folder."""

import importlib.util
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest


class ClickHouse:
    """One engine in a process of its own.

    :raises SkipTest: where chdb is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("chdb") is None:
            raise SkipTest("chdb is not installed; make test-engines installs it")
        self.folder = folder
        self.port = 0
        self._process: Any = None

    def start(self) -> int:
        """Start it, or start it again, and return its port."""
        command = [sys.executable, "-m", "test.engines.clickhouse_door", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent.parent)
        self.port = int(self._process.stdout.readline())
        return self.port

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, sql: str) -> list[list[str]]:
        """Return the rows that a statement finds."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(
            urllib.request.Request(f"http://127.0.0.1:{self.port}/", sql.encode()), timeout=60
        ) as answer:
            text = answer.read().decode("utf-8", "replace")
        return [line.split("\t") for line in text.splitlines()]

    def number(self, sql: str) -> int:
        """Return the one number that a statement finds."""
        return int(self.ask(sql)[0][0])
