"""Instructions that are shown before anything has been recorded."""

from collections.abc import Sequence
from typing import Any

from ccsproxy.dashboard.html.facts import copy_button
from ccsproxy.dashboard.html.markup import h

USUAL = "http://127.0.0.1:8787"
#: Without it Claude Code sends other requests to a base URL than to its provider's.
_FIRST_PARTY = "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL=1"


def newcomer(proxies: Sequence[str], upstreams: Sequence[str] = ()) -> Any:
    """Show the settings that make an agent use the proxy.

    :param proxies: the proxy's URLs; the default one is shown if they are not known.
    :param upstreams: the names of the upstreams, the default first.
    """
    # A hub has no proxy: its records come from many machines.
    url = (proxies[0] if proxies else USUAL).rstrip("/")
    claude, claude_note = _at(url, "anthropic", "https://api.anthropic.com", upstreams)
    openai, openai_note = _at(url, "openai", "https://api.openai.com", upstreams)
    google = "gemini" if "gemini" in upstreams else "google"  # google is its default name
    gemini, gemini_note = _at(url, google, "https://generativelanguage.googleapis.com", upstreams)
    return h.section(
        h.h2("Nothing recorded yet"),
        h.p("Start an agent with it: nothing in the agent changes, and its calls appear here the moment they begin."),
        h.dl(
            _way("Claude Code", "ccsproxy claude"),
            _way("Another agent", "ccsproxy codex", "or gemini, opencode, qwen, copilot, aider, goose and more"),
            _way("Any program", "ccsproxy run -- python my_agent.py"),
        ),
        h.p("Or point it at the proxy:"),
        h.dl(
            _way("Claude Code", f"ANTHROPIC_BASE_URL={claude} {_FIRST_PARTY} claude", claude_note),
            _way("Codex", f"codex -c 'openai_base_url=\"{openai}/v1\"'", openai_note),
            _way("Gemini CLI", f"GOOGLE_GEMINI_BASE_URL={gemini} gemini", gemini_note),
            _way("Anthropic SDK", f"export ANTHROPIC_BASE_URL={claude}", claude_note),
            _way("OpenAI SDK", f"export OPENAI_BASE_URL={openai}/v1", openai_note),
        ),
        h.p("To see it work without a key: ", h.code("ccsproxy demo"), "."),
        class_="newcomer",
        id="newcomer",
        data_testid="newcomer",
    )


def nothing_found(unknown: Sequence[str] = ()) -> Any:
    """Show that no record passes the filters.

    :param unknown: sentences about values that no record has.
    """
    return h.p(
        "No call passes these filters",
        [f"{'; ' if place else ': '}{each}" for place, each in enumerate(unknown)],
        ". ",
        h.a("Clear all", href="/calls"),
        class_="nothing",
        id="nothing",
        data_testid="nothing",
    )


def _way(name: str, command: str, note: str = "") -> list[Any]:
    remark = h.p(note, class_="muted") if note else None
    return [
        h.dt(name),
        h.dd(h.code(command, class_="command"), copy_button(command, f"the command for {name}"), remark),
    ]


def _at(url: str, name: str, target: str, upstreams: Sequence[str]) -> tuple[str, str]:
    """Return the base URL for an upstream, and a note if the proxy does not have that upstream."""
    if not upstreams or upstreams[0] == name:
        return url, "" if upstreams or name == "anthropic" else f"with ccsproxy started for --upstream {target}"
    return f"{url}/{name}", "" if name in upstreams else f"needs --upstream {name}={target}"
