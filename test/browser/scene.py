"""A service as people run it: ccsproxy in processes of its own before a mock upstream, and calls through it."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attr

from test.browser.mock_upstream import PATIENCE, MockUpstream, Reply

ROOT = Path(__file__).parent.parent.parent
#: Upstreams by name; all are the same mock.
UPSTREAMS = ("anthropic", "openai", "google", "ollama", "bedrock", "deepseek")


@attr.frozen
class Call:
    """A call of a client and what is answered."""

    path: str
    body: Any
    reply: Reply
    headers: dict[str, str] = attr.field(factory=dict)
    method: str = "POST"


class Scene:
    """A running service.

    :param prepare: fills the data dir before the service starts.
    :param options: of the service.
    :ivar api: the URL of API and dashboard.
    """

    def __init__(self, *options: str, prepare: Callable[[Path], object] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ccsproxy-browser-"))
        self.data_dir = self.home / "data"
        if prepare is not None:
            prepare(self.data_dir)
        self.upstream = MockUpstream()
        named = [part for name in UPSTREAMS for part in ("--upstream", f"{name}={self.upstream.url}")]
        listening = [] if "--api-listen" in options else ["--api-port", "0"]
        command = [sys.executable, "-m", "ccsproxy.tools", "serve", "--no-open", "--data-dir", str(self.data_dir)]
        command += ["--proxy-port", "0", *listening, *named, *options]
        environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        with (self.home / "log").open("wb") as log:
            env = {**environment, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=self.home)
        run_file = self.data_dir / "run.json"
        try:
            self.until(run_file.exists, "the service to start")
        except AssertionError:
            # Nobody else could: whoever asked for it has no scene to close.
            self.close()
            raise
        said = json.loads(run_file.read_text())
        self.proxy, self.api = said["proxy"][0].rstrip("/"), said["api"][0].rstrip("/")

    def close(self) -> None:
        """Stop the service and remove what it kept."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.upstream.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that no event tells of."""
        late = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > late or self._process.poll() is not None:
                raise AssertionError(f"waited in vain for {what}: {(self.home / 'log').read_text()[-3000:]}")
            time.sleep(0.02)

    def send(self, call: Call) -> int:
        """Make a call and read its answer.

        :return: the status.
        """
        self.upstream.replies.put(call.reply)
        connection = self._connect(self.proxy)
        body = json.dumps(call.body).encode() if call.body is not None else None
        headers = {"content-type": "application/json", **call.headers}
        # Header values are sent as UTF-8, which http.client would refuse.
        connection.putrequest(call.method, call.path)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.putheader("content-length", str(len(body or b"")))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def begin(self, call: Call) -> threading.Thread:
        """Make a call in a thread."""
        thread = threading.Thread(target=self.send, args=(call,), daemon=True)
        thread.start()
        return thread

    def play(self, calls: list[Call]) -> None:
        """Make calls one after the other, and wait until all are in the index."""
        before = self.count()
        for call in calls:
            self.send(call)
        self.until(lambda: self.count() >= before + len(calls), f"{len(calls)} records")

    def count(self) -> int:
        """Return how many records the index has."""
        return sum(int(each["request_count"]) for each in self.get("/api/sessions?limit=1000"))

    def requests(self, **query: str) -> list[dict[str, Any]]:
        """Return the newest requests."""
        asked = "&".join(f"{name}={value}" for name, value in {"limit": "1000", **query}.items())
        return list(self.get(f"/api/requests?{asked}")["requests"])

    def get(self, path: str) -> Any:
        """Return an answer of the API."""
        connection = self._connect(self.api)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != http.client.OK:
            raise AssertionError(f"{path} was answered {answer.status}: {text[:500]!r}")
        return json.loads(text)

    def _connect(self, url: str) -> http.client.HTTPConnection:
        host, _, port = url.removeprefix("http://").rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
