"""Reading recordings: cassettes of VCR in YAML, HAR files, and lines of JSON from `test.recorded.generate`."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs


@attrs.frozen
class Recorded:
    """One exchange as it was recorded.

    :ivar place: the file that it stands in, and its number there.
    :ivar headers: of the response, by lower-case name.
    :ivar body: of the response, without its content coding.
    :ivar intended: what the answer should amount to, where its maker knows it.
    """

    place: str
    method: str
    url: str
    asked: bytes
    status: int
    headers: dict[str, str]
    body: bytes
    intended: Any = None

    @property
    def target(self) -> str:
        """Path and query."""
        parts = urlsplit(self.url)
        return parts.path + ("?" + parts.query if parts.query else "")

    @property
    def request(self) -> Any:
        """The request body as JSON, None where it is none."""
        try:
            return json.loads(self.asked)
        except ValueError:
            return None


def recordings(folder: Path) -> Iterator[Recorded]:
    """Yield every exchange in the files below a folder; files of other kinds are passed over."""
    for path in sorted(folder.rglob("*")):
        reader = _READERS.get(path.suffix.lower()) if path.is_file() else None
        if reader is not None:
            yield from reader(path)


def _cassette(path: Path) -> Iterator[Recorded]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        value = yaml.load(path.read_text(encoding="utf-8", errors="replace"), Loader=loader)
    except (yaml.YAMLError, ValueError):
        return
    found = value.get("interactions") or value.get("http_interactions") if isinstance(value, dict) else None
    for number, each in enumerate(found or ()):
        if (
            isinstance(each, dict)
            and isinstance(each.get("request"), dict)
            and isinstance(each.get("response"), dict)
        ):
            yield from _interaction(f"{path.name}#{number}", each["request"], each["response"])


def _interaction(place: str, request: dict[str, Any], response: dict[str, Any]) -> Iterator[Recorded]:
    status = response.get("status") or {}
    headers = {str(name).lower(): _value(value) for name, value in (response.get("headers") or {}).items()}
    body = _decoded(_content(response), headers)
    url = request.get("uri") or request.get("url")
    if isinstance(url, str) and urlsplit(url).netloc:
        code = int(status.get("code", 0)) if isinstance(status, dict) else int(status)
        method = str(request.get("method", "GET")).upper()
        yield Recorded(place, method, url, _content(request), code, headers, body)


def _content(part: dict[str, Any]) -> bytes:
    """Return the bytes of a body, however the cassette writes it."""
    for key in ("parsed_body", "body"):
        value = part.get(key)
        if isinstance(value, dict) and key == "body":
            encoded = value.get("base64_string")
            if isinstance(encoded, str):
                return base64.b64decode(encoded)
            value = value.get("string", value.get("base64"))
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return value.encode("utf-8", "surrogatepass")
        if value is not None:
            return json.dumps(value).encode()
    return b""


def _value(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return first.decode("latin-1") if isinstance(first, bytes) else str(first)


def _decoded(body: bytes, headers: dict[str, str]) -> bytes:
    """Remove a content coding that the recording has kept."""
    try:
        if body[:2] == b"\x1f\x8b":
            return gzip.decompress(body)
        if headers.get("content-encoding") == "deflate":
            return zlib.decompress(body)
    except (OSError, zlib.error, EOFError):
        pass
    return body


def _har(path: Path) -> Iterator[Recorded]:
    entries = json.loads(path.read_bytes())["log"]["entries"]
    for number, entry in enumerate(entries):
        asked, said = entry["request"], entry["response"]
        content = said.get("content") or {}
        text = content.get("text", "")
        body = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
        headers = {field["name"].lower(): field["value"] for field in said.get("headers", ())}
        sent = (asked.get("postData") or {}).get("text", "").encode()
        yield Recorded(f"{path.name}#{number}", asked["method"], asked["url"], sent, said["status"], headers, body)


def _lines(path: Path) -> Iterator[Recorded]:
    for number, line in enumerate(path.read_bytes().splitlines()):
        value = json.loads(line)
        if isinstance(value, dict) and {"method", "url", "status", "body"} <= value.keys():
            yield Recorded(
                f"{path.name}#{number}", value["method"], value["url"], json.dumps(value["asked"]).encode(),
                value["status"], value["headers"], base64.b64decode(value["body"]), value.get("intended"),
            )  # fmt: skip


_READERS = {".yaml": _cassette, ".yml": _cassette, ".har": _har, ".jsonl": _lines}
