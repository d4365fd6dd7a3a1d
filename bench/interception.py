"""What interception costs: handshakes a second, time to the first byte, MB/s; each beside the same without us.

    python -m bench.interception [--seconds 3]

An upstream with TLS, a ccsproxy that intercepts it, and one client, all on loopback. The client's own handshakes are
in every number, so what counts is the difference between the rows.
"""

import argparse
import asyncio
import logging
import multiprocessing
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trustme

from bench.ports import free_port, wait_for

SIZE = 64 << 20
BLOCK = b"x" * (256 << 10)


def upstream(certificate: str, port: int) -> None:
    """Serve ``/`` with two bytes and ``/large`` with `SIZE`, for ever."""
    logging.disable()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = SIZE if b"/large" in head else 2
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                for start in range(0, size, len(BLOCK)):
                    writer.write(BLOCK[: min(len(BLOCK), size - start)])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
        await server.serve_forever()

    asyncio.run(run())


class Client:
    """Connects to the upstream, through a proxy or not."""

    def __init__(self, port: int, proxy: int | None, trusted: str) -> None:
        self.port, self.proxy = port, proxy
        self.context = ssl.create_default_context(cafile=trusted)
        self.session: ssl.SSLSession | None = None

    def connect(self, *, resume: bool = False) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.proxy or self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.proxy:
            plain.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (self.port, self.port))
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += plain.recv(1)
        session = self.session if resume else None
        return self.context.wrap_socket(plain, server_hostname="localhost", session=session)

    def ask(self, secured: ssl.SSLSocket, path: bytes = b"/") -> float:
        """Send a request and return when the first byte of its answer came."""
        secured.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        secured.recv(1)
        return time.perf_counter()


def handshakes(client: Client, seconds: float, *, resume: bool) -> float:
    end, count, began = time.perf_counter() + seconds, 0, time.perf_counter()
    while time.perf_counter() < end:
        with client.connect(resume=resume) as secured:
            client.ask(secured)
            client.session = secured.session
        count += 1
    return count / (time.perf_counter() - began)


def first_byte(client: Client, seconds: float) -> tuple[float, float]:
    taken, end = [], time.perf_counter() + seconds
    with client.connect() as secured:
        while time.perf_counter() < end:
            began = time.perf_counter()
            taken.append(client.ask(secured) - began)
            rest = b""
            while not rest.endswith(b"\r\n\r\nxx"):
                rest += secured.recv(65536)
    return statistics.median(taken) * 1e3, statistics.quantiles(taken, n=100)[98] * 1e3


def throughput(client: Client) -> float:
    with client.connect() as secured:
        began = time.perf_counter()
        client.ask(secured, b"/large")
        got = 1
        while got < SIZE:
            got += len(secured.recv(1 << 20))
        return SIZE / 1e6 / (time.perf_counter() - began)


def row(name: str, client: Client, seconds: float) -> str:
    full, resumed = (handshakes(client, seconds, resume=resume) for resume in (False, True))
    median, late = first_byte(client, seconds)
    speed = throughput(client)
    return f"| {name} | {full:.0f} | {resumed:.0f} | {median:.2f} | {late:.2f} | {speed:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    authority, port, proxy, api = trustme.CA(), free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        trusted = Path(folder) / "root.pem"
        authority.cert_pem.write_to_path(str(trusted))
        leaf = Path(folder) / "leaf.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(leaf))
        multiprocessing.Process(target=upstream, args=(str(leaf), port), daemon=True).start()
        wait_for(port)
        options = ["--forward", "on", "--intercept", f"localhost:{port}", "--upstream-ca", str(trusted), "--data-dir"]
        options += [f"{folder}/data", "--proxy-port", str(proxy), "--api-port", str(api)]
        command = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "ccsproxy", *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
            try:
                wait_for(proxy)
                subprocess.run(
                    [sys.executable, "-m", "ccsproxy.tools", "ca", "--renew", "--data-dir", f"{folder}/data"],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                measure(port, proxy, str(trusted), f"{folder}/data/ca/ca.pem", seconds)
            finally:
                service.send_signal(signal.SIGTERM)


def measure(port: int, proxy: int, root: str, ours: str, seconds: float) -> None:
    probe = Client(port, proxy, root)
    try:
        probe.connect()  # makes the authority for this host, which we do not trust yet
    except ssl.SSLError:
        pass
    print("| | handshakes/s | resumed/s | first byte, ms | p99, ms | MB/s |\n|---|---|---|---|---|---|")
    print(row("direct", Client(port, None, root), seconds))
    print(row("intercepted", Client(port, proxy, ours), seconds))


if __name__ == "__main__":
    main()
