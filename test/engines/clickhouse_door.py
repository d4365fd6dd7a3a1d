"""A ClickHouse to test against: chdb's engine behind a small HTTP server, in a process of its own that can be killed.

``python -m test.engines.clickhouse_door FOLDER PORT`` writes its port to standard output. It proves the SQL of the
current engine, tokens and restarts; not ClickHouse's own HTTP server, users, TLS, quotas, or clusters.
"""

import gzip
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import zstandard

_CODE = re.compile(r"Code: (\d+)")
#: What the server itself answers with, by code; everything else is 500.
_STATUS = {60: 404, 26: 400, 27: 400, 62: 400, 72: 400, 117: 400, 81: 404}


class Door(ThreadingHTTPServer):
    """One session of the engine, which does one statement at a time."""

    daemon_threads = True

    def __init__(self, folder: str, port: int) -> None:
        from chdb.session import Session

        super().__init__(("127.0.0.1", port), Handler)
        # One thread for all statements: the engine keeps things for each thread that calls it, and the server's
        # threads end with their connections.
        self.engine = ThreadPoolExecutor(1)
        self.session = self.engine.submit(Session, folder).result()
        self.delay = 0.0

    def run(self, statement: str, form: str) -> bytes:
        """Do a statement."""
        return self.engine.submit(self._run, statement, form).result()

    def _run(self, statement: str, form: str) -> bytes:
        found: Any = self.session.query(statement, form)
        # Copied here: a result lies in the engine's memory, and another thread's next statement may take that back
        # meanwhile, which ended the process.
        return bytes(found.bytes()) if found is not None and found.size() else b""


class Handler(BaseHTTPRequestHandler):
    """Answers as ClickHouse's HTTP interface does."""

    protocol_version = "HTTP/1.1"
    server: Door

    def do_POST(self) -> None:
        """Do what the query and the body say."""
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = unpacked(body, self.headers.get("Content-Encoding", ""))
        if (user := self.headers.get("X-ClickHouse-User", "default")) != "default":
            self._answer(403, f"Code: 516. {user}".encode(), "516")
            return
        statement, form = _statement(asked, body)
        try:
            answer = self.server.run(statement, form)
        except Exception as error:
            code = (_CODE.search(str(error)) or ["", "1"])[1]
            self._answer(_STATUS.get(int(code), 500), str(error).encode(), code)
            return
        if self.server.delay:
            time.sleep(self.server.delay)
        self._answer(200, answer, "")

    def _answer(self, status: int, body: bytes, code: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def unpacked(body: bytes, coding: str) -> bytes:
    """Undo what a body was compressed with."""
    if coding == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(body).read()
    return gzip.decompress(body) if coding == "gzip" else body


def _statement(asked: dict[str, str], body: bytes) -> tuple[str, str]:
    """Put a statement together with its settings, and with the rows that it inserts."""
    query = asked.pop("query", "")
    settings = ", ".join(f"{name} = '{value}'" for name, value in asked.items())
    if not query:
        query, body = body.decode(), b""
    form = "TSV"
    if found := re.search(r"\sFORMAT\s+(\w+)\s*$", query):
        if not query.lstrip().upper().startswith("INSERT"):
            query, form = query[: found.start()], found[1]
        elif settings:
            query = f"{query[: found.start()]} SETTINGS {settings} FORMAT {found[1]}\n"
    elif settings and not query.lstrip().upper().startswith(("CREATE", "ALTER", "DELETE")):
        query = f"{query} SETTINGS {settings}"
    return query + body.decode("utf-8", "surrogatepass"), form


if __name__ == "__main__":
    door = Door(sys.argv[1], int(sys.argv[2]))
    print(door.server_address[1], flush=True)
    door.serve_forever()
