"""How much memory the recorder takes for one huge body: a line, many events, whole or cut, JSON, a request.

    python -m bench.recorder_memory [SIZES_IN_MB] [KINDS]

For every size and kind a service is started, plays one exchange and is asked for the peak of its recorder's resident
memory (Linux). The aim is a growth over the idle recorder of at most four times the body. Upstream and client are in
this process, whose memory is not counted.
"""

import base64
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_BIN = Path(sys.executable).parent
_MB = 1 << 20
_EMPTY = b'{"type":"message","role":"assistant","content":[],"stop_reason":"end_turn","usage":{}}'
#: Seconds for which a record is waited for.
_PATIENCE = 120.0
Body = Callable[[int], bytes]


def _noise(size: int) -> str:
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode("ascii")


def _sse_line(size: int) -> bytes:
    """One event of an image stream."""
    event = {"type": "response.image_generation_call.partial_image", "output_index": 0, "partial_image_b64": ""}
    head, _, tail = json.dumps(event).rpartition('""')
    return f'data: {head}"{_noise(size)}"{tail}\n\n'.encode()


def _ndjson_line(size: int) -> bytes:
    return b'{"model":"m","message":{"role":"assistant","content":"%b"},"done":true}\n' % _noise(size).encode()


def _sse_events(size: int) -> bytes:
    """Many events of a text."""
    start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "some words "}}
    pieces = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in (start, block, delta)]
    end = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    return b"".join(pieces[:2]) + pieces[2] * (size // len(pieces[2])) + end


def _json(size: int) -> bytes:
    content = [{"type": "text", "text": "some ordinary words " * 50}] * (size // 1040)
    return json.dumps({"type": "message", "role": "assistant", "content": content, "usage": {}}).encode()


#: By kind: path, content type, body, and what part of it arrives.
KINDS: dict[str, tuple[bytes, bytes, Body, float]] = {
    "sse-line": (b"/v1/responses", b"text/event-stream", _sse_line, 1.0),
    "sse-line-cut": (b"/v1/responses", b"text/event-stream", _sse_line, 0.98),
    "ndjson-line": (b"/api/chat", b"application/x-ndjson", _ndjson_line, 1.0),
    "ndjson-line-cut": (b"/api/chat", b"application/x-ndjson", _ndjson_line, 0.98),
    "sse-events": (b"/v1/messages", b"text/event-stream", _sse_events, 1.0),
    "sse-events-cut": (b"/v1/messages", b"text/event-stream", _sse_events, 0.98),
    "json": (b"/v1/messages", b"application/json", _json, 1.0),
    "json-cut": (b"/v1/messages", b"application/json", _json, 0.98),
    "request": (
        b"/v1/messages",
        b"application/json",
        lambda size: b'{"type":"message","content":[],"usage":{}}',
        1.0,
    ),
}


def _serve(listener: socket.socket, kind: bytes, body: bytes, announced: int) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(1 << 16)
        head, _, rest = data.partition(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(rest)
        while left > 0:
            left -= len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, announced))
        connection.sendall(body)


@contextlib.contextmanager
def service(upstream: int) -> Iterator[tuple[int, Path, int]]:
    """Run a service: its proxy port, its data dir, its recorder's process."""
    with tempfile.TemporaryDirectory(prefix="recorder-memory-") as place:
        command = [str(_BIN / "twistd"), "-n", "--pidfile=", "ccsproxy", "--proxy-port", "0", "--no-api"]
        command += ["--data-dir", f"{place}/data", "--upstream", f"http://127.0.0.1:{upstream}"]
        with open(f"{place}/log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            run = Path(place, "data", "run.json")
            while not run.exists():
                time.sleep(0.05)
            time.sleep(1.0)
            port = int(json.loads(run.read_text())["proxy"][0].rpartition(":")[2].strip("/"))
            yield port, Path(place, "data"), _recorder_of(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _recorder_of(parent: int) -> int:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == parent and b"ccsproxy.capture" in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise SystemExit("no recorder process was found")


def _memory(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(field + ":")[2].split()[0]) << 10


def _call(port: int, path: bytes, body: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" % path
    with socket.create_connection(("127.0.0.1", port)) as client, contextlib.suppress(OSError):
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while client.recv(1 << 20):
            pass


def _record(data_dir: Path) -> dict[str, object]:
    """Wait for the record, and return it without holding more than one line."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for path in data_dir.glob("segments/*.jsonl"):
            for line in path.open("rb"):
                if line.endswith(b"}\n") and b'"event":"' not in line[:4096]:
                    with contextlib.suppress(ValueError):  # a line that is being written
                        record: dict[str, object] = json.loads(line)
                        return record
        time.sleep(0.2)
    raise SystemExit("no record came")


def measure(kind: str, size: int) -> tuple[float, float, float, str]:
    """Play one exchange.

    :return: idle and peak memory of the recorder in MB, seconds until the record is there, and what it says.
    """
    path, content_type, make, part = KINDS[kind]
    answer = make(size)
    sent = answer[: int(len(answer) * part)]
    asked: dict[str, object] = {"model": "m", "stream": True, "messages": []}
    if kind == "request":
        asked["messages"] = [{"role": "user", "content": "some ordinary words of a prompt " * 30}] * (size // 1000)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, content_type, sent, len(answer)), daemon=True).start()
    with listener, service(listener.getsockname()[1]) as (port, data_dir, recorder):
        idle = _memory(recorder, "VmRSS")
        began = time.monotonic()
        _call(port, path, json.dumps(asked).encode())
        record = _record(data_dir)
        time.sleep(1.0)
        took = time.monotonic() - began
        said = f"{record['outcome']} {record['capture']}"
        return idle / _MB, _memory(recorder, "VmHWM") / _MB, took, said


def main(arguments: list[str]) -> int:
    """Print one line for each size and kind; fail when a growth is above four times the body."""
    sizes = [int(each) for each in (arguments[:1] or ["8,20,32"])[0].split(",")]
    kinds = arguments[1].split(",") if len(arguments) > 1 else list(KINDS)
    above = 0
    for kind in kinds:
        for size in sizes:
            idle, peak, took, said = measure(kind, size * _MB)
            factor = (peak - idle) / size
            above += factor > 4
            print(
                f"{kind:18} {size:3} MB  idle {idle:4.0f}  peak {peak:5.0f}  {factor:5.1f} x  {took:5.1f} s  {said}"
            )
            sys.stdout.flush()
    return 1 if above else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
    sys.exit(main(sys.argv[1:]))
