"""How fast a backlog is shipped: ``python -m bench.ship_catchup [--developers N] [--calls N] [--kinds KIND ...]``.

Makes the calls of a team (`bench.team_day`) as a store that a target has not had, and ships them with
``ccsproxy ship --once``, which does what the process that ships does after a target was down. The receiver is a
process of its own that reads everything and keeps nothing, so that what is measured is the shipper. Prints records a
second and the shipper's processor time of a record, start of the program taken off.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from bench.team_day import Measured, Store, Team
from ccsproxy.exchange import codec

ROOT = Path(__file__).resolve().parent.parent
#: Where each kind of target is, behind the receiver's port or below a folder.
KINDS = {
    "clickhouse": "clickhouse+http://127.0.0.1:{port}/llm?ttl_days=0&bodies=off",
    "clickhouse with bodies": "clickhouse+http://127.0.0.1:{port}/all?ttl_days=0",
    "otlp": "otlp+http://127.0.0.1:{port}/m?content=metadata",
    "otlp with content": "otlp+http://127.0.0.1:{port}/f",
    "jsonl": "jsonl+http://127.0.0.1:{port}/in",
    "folder": "file://{folder}/lake",
}


def main() -> None:
    """Make the backlog, and ship it to each kind of target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--developers", type=int, default=20)
    parser.add_argument("--calls", type=int, default=60, help="of each developer")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--dir", default=None)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ccsproxy-catchup-", dir=args.dir))
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    try:
        count = backlog(folder / "data", args.developers, args.calls)
        port = ours.recv()
        for kind in args.kinds:
            print(
                f"{kind:24} {ship(KINDS[kind].format(port=port, folder=folder), folder / 'data', count)}", flush=True
            )
    finally:
        receiver.terminate()
        shutil.rmtree(folder)


def backlog(data_dir: Path, developers: int, calls: int) -> int:
    """Write the calls of a team into closed segments and an index, and return how many there are."""
    data_dir.mkdir(mode=0o700)
    store, count = Store(data_dir, Measured()), 0
    for each in Team(15).day(developers, calls):
        store.append(codec.encode(each))
        count += 1
    store.close()
    (data_dir / "segments").chmod(0o700)
    size = sum(path.stat().st_size for path in (data_dir / "segments").iterdir())
    print(f"{count} records, {size / count / 1e3:.1f} KB each as they lie on the disk", flush=True)
    return count


def ship(url: str, data_dir: Path, count: int) -> str:
    """Ship all of it and say what that took."""
    empty, _, _ = timed(data_dir, "--schema", "clickhouse+https://h/d")
    cpu, wall, said = timed(data_dir, "--once", url)
    if f" {count} records accepted" not in said:
        raise SystemExit(said)
    cpu -= empty
    return f"{count / wall:8.0f} records/s   {cpu / count * 1e3:6.2f} ms of processor each"


def timed(data_dir: Path, *what: str) -> tuple[float, float, str]:
    """Run the command; return its seconds of the processor, those of the clock, and what it said."""
    command = [str(Path(sys.executable).with_name("ccsproxy")), "ship", *what, "--data-dir", str(data_dir)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.monotonic() - begun, done.stdout


def receive(ready: Connection, port: int = 0) -> None:
    """Take whatever is posted, as a ClickHouse of our time and as any other receiver."""
    os.nice(5)
    asyncio.run(_serve(ready, port))


async def _serve(ready: Connection, port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().splitlines()[1:-1])
            left, body = int(fields.get(b"content-length", b"0")), b""
            while left:
                piece = await reader.read(min(left, 1 << 20))
                if not piece:
                    return
                left -= len(piece)
                body = piece if len(piece) < 100 else b""
            said = b"26.9.2.1" if b"version()" in body else b""
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    main()
