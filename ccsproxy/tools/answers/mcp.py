"""``ccsproxy mcp``: serves the store to agents, over the Model Context Protocol on standard input and output.

JSON-RPC 2.0, one message per line (MCP 2025-06-18, "Transports", stdio). Read-only; nothing is sent anywhere.
"""

import argparse
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, TextIO

from ccsproxy import __version__
from ccsproxy.errors import DataDirError
from ccsproxy.store.engine.engine import EngineError
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.tools.answers.answering import examples
from ccsproxy.tools.answers.mcp_tools import TOOLS
from ccsproxy.tools.data_dir import CommandError, add_data_dir, data_dir_of, reported
from ccsproxy.tools.engine_source import add_source, source_reader

NAME = "mcp"
SUMMARY = "Serve the records to an agent, over the Model Context Protocol on standard input and output."

OpenStore = Callable[[], AbstractContextManager[Reader]]

#: Protocol versions that are equal in everything used here; other clients are offered the newest.
_VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
#: What a tool may fail with; each says why in a sentence.
_FAULTS = (CommandError, DataDirError, EngineError, NotKept, ValueError, TypeError, OSError, sqlite3.Error)
#: Maximum length of a response in characters; more would fill an agent's context.
_LONGEST = 60_000
_PARSE, _INVALID, _UNKNOWN, _ARGUMENTS = -32700, -32600, -32601, -32602


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    add_source(parser)
    examples(
        parser,
        "claude mcp add ccsproxy -- ccsproxy mcp",
        "claude mcp add team -- ccsproxy mcp --from s3://bucket/prefix",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Answer until standard input ends."""
    # An engine is opened once, since each question queries it anew anyway; a store is opened for each call, to
    # include the newest records.
    shipped = source_reader(args)
    if shipped is not None:
        serve(sys.stdin, out, lambda: nullcontext(shipped))
    else:
        data_dir = data_dir_of(args)
        serve(sys.stdin, out, lambda: closing(Reader(data_dir)))
    return 0


def serve(lines: Iterable[str], out: TextIO, opened: OpenStore) -> None:
    """Answer messages, one per line; an invalid one is answered with an error and does not end the loop.

    :param opened: opens the store for one tool call.
    """
    for line in lines:
        if not line.strip():
            continue
        answer = _answer(line, opened)
        if answer is not None:
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
            out.flush()


def _answer(line: str, opened: OpenStore) -> dict[str, Any] | None:
    """Return the response to a message, None for a notification."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _error(None, _PARSE, "This is not JSON.")
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return _error(None, _INVALID, "A message is an object with a method.")
    if "id" not in message:
        return None  # a notification
    params = message.get("params")
    return _called(message["id"], message["method"], params if isinstance(params, dict) else {}, opened)


def _called(number: Any, method: str, params: Mapping[str, Any], opened: OpenStore) -> dict[str, Any]:
    if method == "initialize":
        requested = params.get("protocolVersion")
        version = requested if requested in _VERSIONS else _VERSIONS[0]
        about = {"name": "ccsproxy", "version": __version__}
        return _result(number, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about})
    if method == "ping":
        return _result(number, {})
    if method == "tools/list":
        return _result(number, {"tools": [tool.described() for tool in TOOLS]})
    if method == "tools/call":
        return _tool(number, params, opened)
    return _error(number, _UNKNOWN, f"There is no method {method[:80]!r}.")


def _tool(number: Any, params: Mapping[str, Any], opened: OpenStore) -> dict[str, Any]:
    tool = next((each for each in TOOLS if each.name == params.get("name")), None)
    given = params.get("arguments") or {}
    if tool is None or not isinstance(given, dict):
        return _error(
            number, _ARGUMENTS, f"There is no such tool; there are {', '.join(each.name for each in TOOLS)}."
        )
    if missing := [name for name in tool.required if name not in given]:
        return _error(number, _ARGUMENTS, f"{tool.name} needs {', '.join(missing)}.")
    try:
        with opened() as reader:
            text, failed = tool.run(reader, given), False
    except _FAULTS as error:
        text, failed = f"{error}", True
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n[{len(text) - _LONGEST} more characters were omitted; ask for less]"
    return _result(number, {"content": [{"type": "text", "text": text}], "isError": failed})


def _result(number: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
