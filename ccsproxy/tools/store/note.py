"""``ccsproxy note``: stars, tags and notes on sessions and calls."""

import argparse
from typing import TextIO

from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import Annotation, AnnotationError, Annotations
from ccsproxy.store.state.state import State
from ccsproxy.tools.answers.answering import examples, place_of
from ccsproxy.tools.data_dir import CommandError, add_data_dir, data_dir_of, reported, write_json
from ccsproxy.tools.printing import printable

NAME = "note"
SUMMARY = "Set a star, tags or a note on a session or request; without arguments, list all of them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("place", metavar="SESSION[/SEQ]", nargs="?", help="as 'ccsproxy ls' shows it, or last")
    parser.add_argument("text", metavar="TEXT", nargs="*", help="the note; it replaces the previous one")
    stars = parser.add_mutually_exclusive_group()
    stars.add_argument("--star", action="store_true", default=None, help="star it; a starred session is always kept")
    stars.add_argument("--unstar", action="store_false", dest="star", help="remove its star")
    parser.add_argument("--tag", metavar="TAG", action="append", default=[], help="add a tag; repeatable")
    parser.add_argument("--untag", metavar="TAG", action="append", default=[], help="remove a tag; repeatable")
    parser.add_argument("--clear", action="store_true", help="remove the note")
    add_data_dir(parser)
    examples(
        parser,
        "ccsproxy note last/27 --star --tag cache 'why did this miss?'",
        "ccsproxy ls tag:cache            what is tagged so",
        "ccsproxy ls starred:yes",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Change the annotation and print it; the store may be in use."""
    data_dir = data_dir_of(args)
    state = State(data_dir)
    try:
        annotations = Annotations(state)
        if args.place is None:
            return _list(annotations, args, out, err)
        session, seq = place_of(Reader(data_dir), args.place)
        found = _changed(annotations, session, seq or 0, args)
    except AnnotationError as error:
        raise CommandError(f"{error}.") from None
    finally:
        state.close()
    write_json(out, found.as_dict()) if args.json else out.write(_line(found))
    return 0


def _changed(annotations: Annotations, session: str, seq: int, args: argparse.Namespace) -> Annotation:
    note = "" if args.clear else " ".join(args.text) or None
    if args.star is None and not (args.tag or args.untag) and note is None:
        return annotations.one(session, seq)
    return annotations.change(session, seq, starred=args.star, add=args.tag, remove=args.untag, note=note)


def _list(annotations: Annotations, args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    found = annotations.every()
    if args.json:
        write_json(out, [each.as_dict() for each in found])
    for each in () if args.json else found:
        out.write(_line(each))
    if not found and not args.json:
        err.write("There are no stars, tags or notes.\n")
    return 0 if found else 1


def _line(each: Annotation) -> str:
    place = f"{each.session_id}/{each.seq}" if each.seq else each.session_id
    tags = "".join(f" #{tag}" for tag in each.tags)
    return printable(f"{'*' if each.starred else ' '} {place}{tags}  {each.note}").rstrip() + "\n"
