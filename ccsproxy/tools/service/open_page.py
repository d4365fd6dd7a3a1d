"""``ccsproxy open``: the dashboard in the browser."""

import argparse
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.api.one_time_key import make_key
from ccsproxy.run import read_run_file
from ccsproxy.tools.data_dir import CommandError, add_data_dir, data_dir_of, reported, write_json

NAME = "open"
SUMMARY = "Open the running service's dashboard in the browser."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--print", action="store_true", dest="only_print", help="only write the address")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Open it, and write its address."""
    running = read_run_file(data_dir_of(args))
    if running is None:
        raise CommandError(f"No ccsproxy runs on {args.data_dir}; start one with 'ccsproxy serve'.")
    if not running.get("api"):
        raise CommandError("The running ccsproxy has no dashboard; it was started with --no-api.")
    url = opening(running, data_dir_of(args))
    if args.json:
        write_json(out, {"url": url})
    else:
        out.write(url + "\n")
    if not args.only_print:
        webbrowser.open(url)
    return 0


def opening(running: dict[str, Any], data_dir: Path) -> str:
    """Return the dashboard's address, with a key that opens it once where the service would ask for the token.

    :param running: the service's run file.
    """
    url = str(running["api"][0])
    if not asks_for_token(url):
        return url
    try:
        token = (data_dir / "api-token").read_text("utf-8").strip()
    except OSError:
        return url  # another file was given with --api-token-file: its owner knows it
    return f"{url}/?key={make_key(token, str(running['session_id']), time.time())}"


def asks_for_token(url: str) -> bool:
    """Tell whether the API wants to see the token from a program of this user."""
    request = urllib.request.Request(f"{url}/api/health")  # noqa: S310 - the address is our own service's
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        pass
    return False
