"""All providers in one program: HTTPS under every name, HTTP, WebSocket and DNS, on loopback.

``python -m test.compared.server FOLDER`` listens at ports 443, 80 and 53 of 127.0.0.1 and appends what it sees to
``FOLDER/seen.jsonl``. Asyncio in place of Twisted: what stands on the other side of a Twisted proxy in its tests
should share no code with it, and has to show header lines exactly as they came.
"""

import asyncio
import base64
import gzip
import json
import ssl
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import zstandard
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from test.compared.authority import Authority
from test.compared.names import serve_names
from test.compared.routes import answer, websocket_events


class Mock:
    """Answers connections and remembers what was asked.

    :param folder: where the authority and what was seen are written.
    """

    def __init__(self, folder: Path) -> None:
        self._seen = (folder / "seen.jsonl").open("a", encoding="utf-8")

    def remember(self, **what: Any) -> None:
        """Append one thing seen."""
        self._seen.write(json.dumps({"time": time.time(), **what}) + "\n")
        self._seen.flush()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        block = await reader.readuntil(b"\r\n\r\n")
        line, *rest = block[:-4].decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = [tuple(each.split(": ", 1)) if ": " in each else (each.rstrip(":"), "") for each in rest]
        fields = {name.lower(): value for name, value in headers}
        asked = {"method": method, "host": fields.get("host", ""), "target": target, "headers": headers}
        if fields.get("upgrade", "").lower() == "websocket":
            await self._websocket(block, asked, reader, writer)
            return False
        if fields.get("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        raw = await _body(reader, fields)
        body = _json(_decoded(raw, fields.get("content-encoding", "")))
        said = answer(method, asked["host"], target.partition("?")[0], body, fields.get("user-agent", ""))
        shown = body if body is not None or not raw else base64.b64encode(raw).decode()
        self.remember(kind="http", **asked, body=shown, bytes=len(raw), told=said.told)
        await _write(writer, method, said)
        return fields.get("connection", "").lower() != "close"

    async def _websocket(
        self, block: bytes, asked: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.remember(kind="handshake", **asked, body=None, bytes=0, told={})
        connection, parts = WSConnection(ConnectionType.SERVER), list[str]()
        connection.receive_data(block)
        while True:
            for event in connection.events():
                if isinstance(event, Request):
                    writer.write(connection.send(AcceptConnection(extensions=[PerMessageDeflate()])))
                elif isinstance(event, Ping):
                    writer.write(connection.send(event.response()))
                elif isinstance(event, CloseConnection):
                    writer.write(connection.send(event.response()))
                    await writer.drain()
                    return
                elif isinstance(event, TextMessage):
                    parts.append(event.data)
                    if event.message_finished:
                        self._message(asked, "".join(parts), connection, writer)
                        parts.clear()
            await writer.drain()
            data = await reader.read(65536)
            connection.receive_data(data or None)
            if not data:
                return

    def _message(
        self, asked: dict[str, Any], text: str, connection: WSConnection, writer: asyncio.StreamWriter
    ) -> None:
        body = _json(text.encode())
        messages, told = websocket_events(body if isinstance(body, dict) else {})
        about = {**asked, "method": "MESSAGE", "headers": []}
        self.remember(kind="message", **about, body=body, bytes=len(text), told=told)
        for message in messages:
            writer.write(connection.send(TextMessage(message)))


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "chunked" not in fields.get("transfer-encoding", ""):
        return await reader.readexactly(int(fields.get("content-length", "0")))
    whole = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        whole += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return whole


def _decoded(raw: bytes, coding: str) -> bytes:
    decoders = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    return decoders[coding](raw) if coding in decoders and raw else raw


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


async def _write(writer: asyncio.StreamWriter, method: str, said: Any) -> None:
    reason = "OK" if said.status == 200 else "Not Found"
    head = f"HTTP/1.1 {said.status} {reason}\r\nContent-Type: {said.content_type}\r\n"
    head += f"request-id: req_{said.told['id']}\r\n" if said.told else ""
    if isinstance(said.pieces, list):
        data = b"".join(said.pieces)
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + (b"" if method == "HEAD" else data))
    else:
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for piece in said.pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def main(folder: Path) -> None:
    """Serve until the process is ended."""
    mock, authority = Mock(folder), Authority(folder)
    await asyncio.start_server(mock.connection, "127.0.0.1", 443, ssl=authority.context(), limit=1 << 20)
    await asyncio.start_server(mock.connection, "127.0.0.1", 80, limit=1 << 20)
    await serve_names()
    (folder / "ready").touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
