"""``ccsproxy open [SESSION]``: opens the dashboard of the running service, or starts a service first."""

import argparse
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.api.one_time_key import make_key
from ccsproxy.launch.background import Background
from ccsproxy.launch.leases import stay_up
from ccsproxy.run import read_run_file
from ccsproxy.tools.asking import full_session, open_reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, data_dir_of, reported, write_json

NAME = "open"
SUMMARY = "Open the dashboard in the browser; if no service is running, start one that stays until 'ccsproxy down'."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("session", nargs="?", help="a session (part of its id is enough), or last; default: all")
    parser.add_argument("--print", action="store_true", dest="only_print", help="only print the address")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Open it, and print its URL."""
    data_dir = data_dir_of(args).absolute()
    page = f"/s/{full_session(open_reader(args), args.session)}" if args.session else ""
    found = read_run_file(data_dir)
    if found is None and args.only_print:
        raise CommandError(f"No ccsproxy is running on {args.data_dir}; 'ccsproxy up' starts one.")
    running: Mapping[str, Any] = found or _started(data_dir)
    if not running.get("api"):
        raise CommandError("The running ccsproxy has no dashboard; it was started with --no-api.")
    url = opening(running, data_dir, page)
    if args.json:
        write_json(out, {"url": url})
    else:
        out.write(url + "\n")
    if not args.only_print:
        webbrowser.open(url)
    return 0


def _started(data_dir: Path) -> Mapping[str, Any]:
    """Start a service in the background that stays: a page does not tell when its user is done."""
    running = Background(data_dir).ensure()
    stay_up(data_dir, up=True)
    return running


def opening(running: Mapping[str, Any], data_dir: Path, page: str = "") -> str:
    """Return the dashboard's URL, with a one-time key if the service would ask for the token.

    :param running: the service's run file.
    :param page: the path of one of its pages.
    """
    url = str(running["api"][0])
    if not asks_for_token(url):
        return url + page
    try:
        token = (data_dir / "api-token").read_text("utf-8").strip()
    except OSError:
        return url + page  # another file was given with --api-token-file: its owner knows the token
    return f"{url}{page or '/'}?key={make_key(token, str(running['session_id']), time.time())}"


def asks_for_token(url: str) -> bool:
    """Tell whether the API requires the token from a program of this user."""
    request = urllib.request.Request(f"{url}/api/health")  # noqa: S310 - the address is our own service's
    # A proxy in the environment, possibly ourselves, must not be used for our own loopback address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        pass
    return False
