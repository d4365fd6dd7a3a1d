"""``ccsproxy serve``: runs the service in a terminal, with a banner, and opens the dashboard in the browser."""

import argparse
import sys
import webbrowser
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from ccsproxy.config.build import build_config
from ccsproxy.config.file import read_config_file
from ccsproxy.config.model import Config, Upstream
from ccsproxy.config.setting import Setting
from ccsproxy.config.settings import SETTINGS
from ccsproxy.errors import StartError

NAME = "serve"
SUMMARY = "Relay LLM API calls to an upstream and record them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the service."""
    for known in SETTINGS:
        _add(parser, known)
    parser.add_argument(
        "--config", metavar="FILE", help="a TOML file with the same keys; the command line takes precedence"
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check options and configuration file, report the result, and exit",
    )
    parser.add_argument("--while-wanted", action="store_true", help=argparse.SUPPRESS)  # started by a launcher
    parser.add_argument("--no-open", action="store_true", help="do not open the dashboard in the browser")


def _add(parser: argparse.ArgumentParser, known: Setting) -> None:
    text = f"{known.help} (default: {known.default})".replace("%", "%%")
    if known.read is None:
        parser.add_argument(f"--{known.name}", dest=known.name, action="store_true", help=known.help)
    else:
        parser.add_argument(f"--{known.name}", dest=known.name, metavar=known.meta, action="append", help=text)


def config_of(args: argparse.Namespace) -> Config:
    """Build the configuration from parsed arguments.

    :raises ConfigError: if it is invalid.
    """
    config_file = read_config_file(Path(args.config).expanduser()) if args.config else None
    values = vars(args)
    given = {s.name: [s.name] if s.read is None else values[s.name] for s in SETTINGS if values[s.name]}
    return build_config(
        given, config_file.given if config_file else None, config_file.listens if config_file else None
    )


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run the service until it is stopped."""
    config = config_of(args)
    if args.check_config:
        from ccsproxy.proxy.service import check_upstreams

        check_upstreams(config)
        out.write("ccsproxy: the configuration is valid\n")
        return 0
    from twisted.internet import reactor

    from ccsproxy.tools.service.foreground import end_when_unwanted, run_until_stopped

    def ready(handle: object) -> None:
        if args.while_wanted:
            end_when_unwanted(reactor, config.data_dir)
        out.write(banner(config, handle.proxy_urls, handle.api_urls))  # type: ignore[attr-defined]
        out.flush()
        # Only for people: a script or a unit that starts the service wants no browser.
        if sys.stdout.isatty() and not args.no_open and handle.api_urls:  # type: ignore[attr-defined]
            webbrowser.open(handle.api_urls[0])  # type: ignore[attr-defined]

    try:
        return run_until_stopped(config, reactor, ready, lambda: config_of(args))
    except StartError as error:
        err.write(f"ccsproxy: {error}\n")
        return 1


def banner(config: Config, proxy_urls: list[str], api_urls: list[str]) -> str:
    """Return what a user needs to know to use a service that has just started."""
    proxy = proxy_urls[0]
    first = config.upstreams[0].url if config.upstreams else "the hosts named by requests"
    lines = [f"ccsproxy relays {proxy} to {first}"]
    lines += [f"  {proxy}/{one.name}/...  to {one.url}" for one in config.upstreams[1:]]
    lines += [f"dashboard: {url}" for url in api_urls[:1]]
    lines += [f"records: {config.data_dir}/segments", "point an agent at it:"]
    lines += [line for number, one in enumerate(config.upstreams) for line in _hints(one, proxy, first=number == 0)]
    if not config.redact:
        lines.append("WARNING: --no-redact is on; keys and tokens are written to the records unredacted")
    return "\n".join(lines) + "\n"


def _hints(upstream: Upstream, proxy: str, *, first: bool) -> list[str]:
    """Return the commands that make agents use an upstream through the proxy."""
    base = proxy if first else f"{proxy}/{upstream.name}"
    # Without the second variable Claude Code sends every tool in each request (docs/agents.md, measured with
    # 2.1.332).
    claude = f"  ANTHROPIC_BASE_URL={base} _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL=1 claude"
    codex = f"  codex -c 'openai_base_url=\"{base}/v1\"'"
    gemini = f"  GOOGLE_GEMINI_BASE_URL={base} gemini"
    host = urlsplit(upstream.url).hostname or ""
    # A Google login uses Code Assist, whose address has its own variable.
    if host.startswith("cloudcode-pa."):
        return [f"  CODE_ASSIST_ENDPOINT={base} gemini     (with a Google login)"]
    if host == "chatgpt.com":
        return [_codex_login(base + _BACKEND.removeprefix(urlsplit(upstream.url).path.rstrip("/")))]
    known = {"anthropic": [claude], "openai": [codex], "google": [gemini]}
    return known.get(upstream.provider, [claude, codex])


#: The path of Codex's backend under ``chatgpt.com``; an upstream's URL may contain it, or a part of it, already.
_BACKEND = "/backend-api/codex"


def _codex_login(base: str) -> str:
    """Return the recipe for Codex with a ChatGPT login: a provider of its own (see docs/agents.md for why)."""
    fields = f'name="ccsproxy",base_url="{base}",wire_api="responses",requires_openai_auth=true'
    provider = f"-c 'model_provider=\"ccsproxy\"' -c 'model_providers.ccsproxy={{{fields}}}'"
    return f"  codex {provider}     (with a ChatGPT login)"
