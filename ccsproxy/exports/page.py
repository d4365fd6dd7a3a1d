"""An exchange as one HTML file: no scripts, no external resources, all captured content as text."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.reading import sections, title
from ccsproxy.exports.sections import ReportBlock, Section

#: Longer blocks are folded.
FOLD_AFTER = 4000

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:.75rem;border:1px solid #8886;border-radius:.4rem}"
    "th{text-align:left;vertical-align:top;padding-right:1rem;font-weight:600}td{overflow-wrap:anywhere}"
    "summary{cursor:pointer}h2{border-top:1px solid #8886;padding-top:1rem}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write one exchange as a self-contained page."""
    yield _opening(title(record))
    yield from _exchange(record, upstreams, 1)
    yield _CLOSING


_CLOSING = "</main></body></html>\n"


def _opening(name: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}</title><style>{_STYLE}</style></head><body><main>\n"
    )


def _exchange(record: Mapping[str, Any], upstreams: Upstreams, level: int) -> Iterator[str]:
    yield f"<article><h{level}>{escape(title(record))}</h{level}>\n"
    for section in sections(record, upstreams):
        yield _section(section, level + 1)
    yield "</article>\n"


def _section(section: Section, level: int) -> str:
    blocks = "".join(map(_block, section.blocks))
    return f"<section><h{level}>{escape(section.title)}</h{level}>\n{_facts(section.facts)}{blocks}</section>\n"


def _facts(facts: tuple[tuple[str, str], ...]) -> str:
    rows = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts)
    return f"<table>{''.join(rows)}</table>\n" if facts else ""


def _block(block: ReportBlock) -> str:
    shown = f"<pre>{escape(block.text)}</pre>\n"
    label = escape(block.label)
    if len(block.text) > FOLD_AFTER:
        return f"<details><summary>{label or 'Content'} ({len(block.text)} characters)</summary>{shown}</details>"
    return f"<p>{label}</p>{shown}" if label else shown
