"""``ccsproxy demo``: runs a mock upstream, the proxy and a few calls, to see records without a key."""

import argparse
import tempfile
from pathlib import Path
from typing import TextIO

from ccsproxy.config.build import build_config

NAME = "demo"
SUMMARY = "Start a mock upstream and the proxy, send a few calls, and show where their records are."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--data-dir", metavar="DIR", help="where the records go (default: a new temporary directory)")
    parser.add_argument("--proxy-port", metavar="N", default="0", help="port of the proxy (default: any)")
    parser.add_argument("--api-port", metavar="N", default="0", help="port of API and dashboard (default: any)")
    parser.add_argument(
        "--once", action="store_true", help="exit after the calls have been made, instead of staying up"
    )


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run the demo until interrupted, or until the calls are made."""
    # Imported here, because importing a reactor installs one, which no other command needs.
    from treq.client import HTTPClient
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred, ensureDeferred
    from twisted.web.client import Agent
    from twisted.web.server import Site

    from ccsproxy.demo.calls import make_calls
    from ccsproxy.demo.upstream import MockUpstream
    from ccsproxy.run import RunHandle
    from ccsproxy.runtime.sockets.listening import listen, loopback, url_of
    from ccsproxy.tools.service.foreground import run_until_stopped

    mock = listen(reactor, loopback(0), Site(MockUpstream(reactor)), "the mock upstream")
    url = url_of(mock)
    config = build_config(
        {
            "upstream": [f"anthropic={url}", f"openai={url}"],
            "data-dir": [args.data_dir or str(Path(tempfile.mkdtemp(prefix="ccsproxy-demo-")) / "data")],
            "proxy-port": [args.proxy_port],
            "api-port": [args.api_port],
        }
    )

    def say(line: str) -> None:
        out.write(line + "\n")
        out.flush()

    async def calls(handle: RunHandle) -> None:
        say(f"proxy: {handle.proxy_urls[0]}   mock upstream: {url}")
        await make_calls(HTTPClient(Agent(reactor)), handle.proxy_urls[0], say)
        say(f"records: {config.data_dir}/segments   (jq . or tail -f)")
        if args.once:
            reactor.stop()
        else:
            say("".join(f"dashboard: {each}   (Ctrl-C ends the demo)" for each in handle.api_urls[:1]))

    def ready(handle: RunHandle) -> "Deferred[None]":
        return ensureDeferred(calls(handle))

    return run_until_stopped(config, reactor, ready)
