"""Starting and measuring the proxies that are compared: each is a process tree pinned to one core."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import rivals
from bench.ports import free_port, wait_for
from bench.usage import Usage
from ccsproxy.exchange import codec
from ccsproxy.store.segments.lines import SegmentLines

HERE = Path(__file__).parent
PROXY_CORE, LOAD_CORE = "1", "0"


def on_load_core(real_time: bool) -> list[str]:
    """The two C programs share a core; real-time priority keeps them from waiting for each other's tick."""
    return ["taskset", "-c", LOAD_CORE] + (["chrt", "-f", "10"] if real_time and os.geteuid() == 0 else [])


@contextmanager
def running(command: list[str], log: Path, **more) -> Iterator[subprocess.Popen]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **more)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):  # what a rival started and left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def nginx_conf(directory: Path, port: int, upstream: int, *, tls_front=None, tls_upstream=False) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    cert = "" if tls_front is None else f"ssl_certificate {tls_front[0]}; ssl_certificate_key {tls_front[1]};"
    text = (HERE / "peers/nginx.conf").read_text()
    for mark, value in {
        "@DIR@": str(directory),
        "@PORT@": str(port),
        "@UPSTREAM_PORT@": str(upstream),
        "@LISTEN@": "ssl" if tls_front else "",
        "@TLS@": cert,
        "@SCHEME@": "https" if tls_upstream else "http",
    }.items():
        text = text.replace(mark, value)
    conf = directory / "nginx.conf"
    conf.write_text(text)
    return conf


class Peer:
    """One proxy under test.

    ``ccsproxy-off`` captures nothing, ``ccsproxy+api`` has its API process too, ``ccsproxy x4`` four relays.
    """

    def __init__(self, name: str, directory: Path, upstream: int, *, tls: bool, ca: Path | None) -> None:
        self.name, self.dir, self.upstream, self.tls, self.ca = name, directory, upstream, tls, ca
        self.port = upstream if name == "direct" else free_port()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.upstream}"

    def command(self) -> list[str] | None:
        self.dir.mkdir(parents=True, exist_ok=True)
        match self.name:
            case "direct":
                return None
            case "nginx":
                conf = nginx_conf(self.dir, self.port, self.upstream, tls_upstream=self.tls)
                return ["nginx", "-c", str(conf), "-g", "daemon off;"]
            case "aiohttp":
                return [sys.executable, str(HERE / "peers/aiohttp_proxy.py"), str(self.port), self.url]
            case "mitmproxy":
                return [
                    *("mitmdump", "-q", "--mode", f"reverse:{self.url}", "-p", str(self.port), "--ssl-insecure"),
                    *("--listen-host", "127.0.0.1", "-s", str(HERE / "peers/mitm_stream.py")),
                ]
            case name if name in rivals.RIVALS:
                return rivals.command(name, self.dir, self.port, self.url)
            case _:
                return self.ccsproxy()

    def ccsproxy(self) -> list[str]:
        shutil.rmtree(self.dir / "data", ignore_errors=True)
        command = [str(Path(sys.executable).with_name("twistd")), "-n", f"--pidfile={self.dir}/pid", "ccsproxy"]
        command += [
            "--upstream",
            f"mock={self.url}",
            "--proxy-port",
            str(self.port),
            "--data-dir",
            f"{self.dir}/data",
        ]
        kind, _, workers = self.name.partition(" x")
        command += ["--capture", "off"] if kind == "ccsproxy-off" else []
        command += ["--workers", workers] if workers else []
        command += ["--api-port", "0"] if self.name.endswith("+api") else ["--no-api"]
        return command + (["--upstream-ca", str(self.ca)] if self.ca else [])

    def kept(self) -> int | None:
        """Count the records that it has kept, when it has ended; None for one that records nothing."""
        if self.name in rivals.RIVALS:
            return rivals.kept(self.name, self.dir)
        if not self.name.startswith("ccsproxy") or self.name.startswith("ccsproxy-off"):
            return None
        # From the segments: the index may be behind when the service ends, and catches up at its next start.
        lines = SegmentLines(self.dir / "data")
        good = (line for name in lines.names() for line in lines.scan(name) if line.good)
        return sum(codec.head(line.data).event == "record" for line in good)

    def environment(self) -> dict[str, str]:
        """Return the environment of a proxy: a home of its own, so that nobody's settings count."""
        home = str(self.dir)
        return {**os.environ, "PYTHONPATH": str(HERE.parent), "HOME": home, "XDG_DATA_HOME": f"{home}/.local/share"}

    @contextmanager
    def up(self) -> Iterator[Usage]:
        command = self.command()
        if command is None:
            yield Usage(None)
            return
        pinned = ["taskset", "-c", PROXY_CORE, *command]
        with running(pinned, self.dir / "log", env=self.environment(), cwd=self.dir) as process:
            wait_for(self.port, 60)
            time.sleep(1.5)
            yield Usage(process.pid)


def load(port: int, arguments: list[str], real_time: bool) -> dict:
    command = [*on_load_core(real_time), str(HERE / "bin/load"), "-p", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"load failed: {done.stderr}")
    return json.loads(done.stdout)
