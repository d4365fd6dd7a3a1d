"""``ccsproxy scan [SID]``: applies the current redaction rules to the stored records."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

import msgspec

from ccsproxy.capture.recorder.secrets.notes import notes_of
from ccsproxy.exchange import codec
from ccsproxy.exchange.record import SecretNote
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.redaction import Redactor, Rules
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import segment_exists
from ccsproxy.store.segments.scan import all_lines, head_of
from ccsproxy.store.segments.segment import list_segments
from ccsproxy.tools.asking import whole_ids
from ccsproxy.tools.data_dir import WrongUsage, add_data_dir, data_dir_of, offline_store, reported, write_json
from ccsproxy.tools.store.redacting import redacted, redacted_started, rules_of

NAME = "scan"
SUMMARY = "Look for secrets in stored records with the current rules; with --rewrite, replace them."


class ScanResult(msgspec.Struct, frozen=True):
    """The secrets in one record that are not redacted."""

    session_id: str
    seq: int
    secrets: list[SecretNote]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("session", metavar="SID", nargs="?", help="only this session; default: all")
    parser.add_argument(
        "--rewrite", action="store_true", help="replace what is found; no service may be running meanwhile"
    )
    parser.add_argument(
        "--redact-pattern", metavar="REGEX", action="append", default=[], help="a further kind of secret"
    )
    parser.add_argument("--keep-pattern", metavar="REGEX", action="append", default=[], help="what is not a secret")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Scan, and rewrite if requested.

    :return: 0 if no unredacted secret is left, 1 otherwise.
    """
    data_dir = data_dir_of(args)
    rules = _rules(data_dir, args)
    session = whole_ids(args, [args.session])[0] if args.session else None
    unread: list[str] = []
    each = {(one.session_id, one.seq): one for one in found_in(data_dir, rules, session, unread.append)}
    found = list(each.values())
    segments = 0
    if args.rewrite and found:
        with offline_store(data_dir) as store:
            segments = store.change(partial(changed_line, rules, session))
            targets = sorted(name for name, each in store.shipments().items() if each.sent)
        for target in targets:
            err.write(f"{target} may have had some of these records before; they are not changed there\n")
    _say(args, out, found, segments, unread)
    for reason in unread:
        err.write(f"{reason}; it was not searched\n")
    return 1 if unread or (found and not segments) else 0


def _rules(data_dir: Path, args: argparse.Namespace) -> Rules:
    try:
        return rules_of(data_dir, args.redact_pattern, args.keep_pattern)
    except ValueError as reason:
        raise WrongUsage(f"A pattern cannot be used: {reason}.") from None


def found_in(
    data_dir: Path, rules: Rules, session: str | None, unread: Callable[[str], None] = lambda reason: None
) -> Iterator[ScanResult]:
    """Yield the records with unredacted secrets; the store may be in use.

    :param session: only its records, None for all.
    :param unread: called with a sentence about each segment of which a part cannot be read.
    """
    seen: set[str] = set()
    # Listed until nothing is new: a segment that was rewritten meanwhile has its records under another name.
    while names := [name for name, _ in list_segments(data_dir) if name not in seen]:
        seen.update(names)
        yield from _found_within(data_dir, names, rules, session, unread)


def _found_within(
    data_dir: Path, names: Iterable[str], rules: Rules, session: str | None, unread: Callable[[str], None]
) -> Iterator[ScanResult]:
    for name in names:
        try:
            for line in all_lines(Files(), data_dir, name):
                head = head_of(line)
                if head is None or head.event != "record" or session not in (None, head.session_id):
                    continue
                redactor = Redactor(True, rules)
                redacted(upgrade(codec.decode(line.data)), redactor)
                if redactor.count:
                    yield ScanResult(head.session_id, head.seq, notes_of(redactor.report))
        except (OSError, PackedError) as reason:
            if segment_exists(data_dir, name):
                unread(f"{name} cannot be read completely: {reason}")


def changed_line(rules: Rules, session: str | None, line: bytes) -> bytes:
    """Return a line without secrets; the same object if it has none.

    :param session: only its records are changed, None for all.
    """
    head = codec.head(line)
    if head.event not in ("record", "started") or session not in (None, head.session_id):
        return line
    value, redactor = codec.decode(line), Redactor(True, rules)
    clean = redacted_started(value, redactor) if head.event == "started" else redacted(upgrade(value), redactor)
    return codec.encode(clean) if redactor.count else line


def _say(args: argparse.Namespace, out: TextIO, found: list[ScanResult], segments: int, unread: list[str]) -> None:
    if args.json:
        records = msgspec.to_builtins(found)
        write_json(out, {"records": records, "segments_rewritten": segments, "unread": unread})
        return
    for each in found:
        kinds: Counter[tuple[str, str, str]] = Counter()
        for note in each.secrets:
            kinds[(note.kind, note.tag, note.where)] += note.count
        for (kind, tag, where), count in kinds.items():
            out.write(
                f"{each.session_id}/{each.seq}  {kind}:{tag}  {where}" + (f"  {count} times\n" if count > 1 else "\n")
            )
    total = sum(note.count for each in found for note in each.secrets)
    none = "no secret is in the clear" + (" in what could be read" if unread else "")
    summary = f"{total} secrets in {len(found)} records" if found else none
    out.write(f"{summary}{_then(args, found, segments)}\n")


def _then(args: argparse.Namespace, found: list[ScanResult], segments: int) -> str:
    if not found:
        return ""
    if segments:
        return f", replaced; {segments} segment{'s' if segments > 1 else ''} rewritten"
    return "; ccsproxy scan --rewrite replaces them"
