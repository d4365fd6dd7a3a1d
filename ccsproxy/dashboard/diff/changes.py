"""The changes between two requests, each in a suitable form; unchanged parts take one line."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from ccsproxy.dashboard.diff.align import Pair, align
from ccsproxy.dashboard.diff.marks import marked
from ccsproxy.dashboard.diff.texts import TextLine, compare_texts
from ccsproxy.dashboard.diff.view import unchanged
from ccsproxy.dashboard.html.blocks import Place, show_block
from ccsproxy.dashboard.html.figures import plural
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.messages import ROLES
from ccsproxy.dashboard.session.news import bare
from ccsproxy.dialects.views.view import Block, Message, Tool

SIGNS = {"added": "+ added", "removed": "− removed", "changed": "~ changed"}
LINE_SIGNS = {"added": "+ ", "removed": "- ", "same": "  ", "gap": "  "}
#: Texts that one page compares, and changes that it shows.
COMPARISONS, CHANGES = 80, 300
#: How many texts have their changed lines compared word by word.
BY_WORDS = 12


class ShownChanges:
    """What a page has shown so far.

    :ivar passed_over: how many changes there was no room for.
    :ivar number: how many changes were shown.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.passed_over = self.number = 0
        self._comparisons, self._changes = COMPARISONS, CHANGES

    def room(self) -> bool:
        """Return whether there is room for another change; otherwise count it as passed over."""
        self._changes -= 1
        if self._changes < 0 or not self.place.budget.element():
            self.passed_over += 1
            return False
        return True

    def compared(self, before: str, after: str, label: str) -> Any:
        """Show two texts as one with its changes."""
        self._comparisons -= 1
        if self._comparisons < 0:
            self.passed_over += 1
            return h.p("changed; not compared, because there is no more room on this page", class_="cut")
        by_words = self._comparisons >= COMPARISONS - BY_WORDS
        return show_lines(compare_texts(before, after, by_words), label, self.place)


def show_lines(lines: Sequence[TextLine], label: str, place: Place) -> Any:
    """Show a comparison: signs as well as colours, changed words marked."""
    return h.pre([_line(line, place) for line in lines], class_="lines", tabindex="0", role="group", aria_label=label)


def show_params(pairs: Sequence[Pair[tuple[str, Any]]], shown: ShownChanges) -> Any:
    """Show the parameters that differ."""
    if unchanged(pairs):
        return None
    changes = [_param(pair, shown) for pair in pairs if not pair.equal and shown.room()]
    return _section("Parameters", "parameters", changes)


def show_system(pairs: Sequence[Pair[Block]], shown: ShownChanges) -> Any:
    """Show the texts of the system prompt."""
    if unchanged(pairs):
        return None
    return _section("System prompt", "system", list(_blocks(pairs, shown, "Text", "h3")))


def show_tools(pairs: Sequence[Pair[Tool]], shown: ShownChanges) -> Any:
    """Show the tools that differ."""
    if unchanged(pairs):
        return None
    changes = [_tool(pair, shown) for pair in pairs if not pair.equal and shown.room()]
    same = sum(pair.equal for pair in pairs)
    return _section("Tools", "tools", [*changes, _same(f"{plural(same, 'tool')} unchanged") if same else None])


def show_messages(pairs: Sequence[Pair[Message]], shown: ShownChanges) -> Any:
    """Show the messages that differ; runs of those that do not in a line each."""
    if not pairs:
        return None
    changes: list[Any] = []
    for equal, run in groupby(pairs, key=lambda pair: pair.equal):
        group = list(run)
        if equal:
            changes.append(_same_messages(group))
        else:
            changes += [_message(pair, shown) for pair in group if shown.room()]
    return _section("Messages", "messages", changes)


def _section(title: str, name: str, content: Sequence[Any]) -> Any:
    return h.section(
        h.h2(title),
        [each for each in content if each is not None],
        id=name,
        data_testid=f"diff-{name}",
        class_="diff-part",
    )


def _change(shown: ShownChanges, kind: str, title: Any, content: Any, level: str = "h3") -> Any:
    """Show a change under a heading that keys stop at and that has an address."""
    shown.number += 1
    here = f"change-{shown.number}"
    heading = getattr(h, level)(h.a(title, href=f"#{here}", class_="stop"))
    head = h.header(h.span(SIGNS[kind], class_="sign"), heading)
    return h.article(head, content, class_=f"change {kind}", id=here, data_testid=f"change-{kind}")


def _same(text: str) -> Any:
    return h.p(text, class_="same")


def _same_messages(group: Sequence[Pair[Message]]) -> Any:
    first, last = (group[0].after_at or 0) + 1, (group[-1].after_at or 0) + 1
    which = f"Message {first}" if first == last else f"Messages {first} to {last}"
    kept = [(pair.after_at or 0) + 1 for pair in group if any(map(marked, pair.item.blocks))]
    marks = [[" ", h.span(f"cache breakpoint in {number}", class_="mark")] for number in kept]
    return h.p(f"{which} unchanged", marks, class_="same")


def _message(pair: Pair[Message], shown: ShownChanges) -> Any:
    at = pair.after_at if pair.after_at is not None else pair.before_at
    role = ROLES.get(pair.item.role, pair.item.role or "Message")
    title = f"Message {(at or 0) + 1}, {role}"
    if pair.before is None or pair.after is None:
        blocks = [show_block(block, shown.place) for block in pair.item.blocks]
        return _change(shown, pair.kind, title, blocks or h.p("empty", class_="block muted"))
    blocks = list(_blocks(align(pair.before.blocks, pair.after.blocks), shown, "Block"))
    return _change(shown, "changed", title, blocks)


def _blocks(pairs: Sequence[Pair[Block]], shown: ShownChanges, noun: str, level: str = "h4") -> Iterator[Any]:
    for number, pair in enumerate(pairs, 1):
        if pair.equal:
            mark = h.span("cache breakpoint", class_="mark") if marked(pair.item) else None
            yield h.p(f"{noun} {number} unchanged ", mark, class_="same inner")
        elif shown.room():
            yield _block(pair, shown, f"{noun} {number}", level)


def _block(pair: Pair[Block], shown: ShownChanges, name: str, level: str) -> Any:
    if pair.before is None or pair.after is None:
        return _change(shown, pair.kind, name, show_block(pair.item, shown.place), level)
    mark = h.span(" cache breakpoint", class_="mark") if marked(pair.after) else None
    compared = shown.compared(_text(pair.before), _text(pair.after), f"Changes of {name.lower()}")
    return _change(shown, "changed", [name, mark], compared, level)


def _tool(pair: Pair[Tool], shown: ShownChanges) -> Any:
    name = h.span(pair.item.name or "unnamed", class_="data")
    if pair.before is not None and pair.after is not None:
        return _change(shown, "changed", name, list(_tool_changes(pair.before, pair.after, shown)))
    described = h.pre(shown.place.budget.take(pair.item.description), class_="plaintext block")
    schema = h.pre(shown.place.budget.take(_json(pair.item.schema)), class_="code", tabindex="0")
    folded = h.details(h.summary("Schema"), schema, class_="fold block")
    return _change(shown, pair.kind, name, [described if pair.item.description else None, folded])


def _tool_changes(before: Tool, after: Tool, shown: ShownChanges) -> Iterator[Any]:
    if before.description != after.description:
        yield h.p("Description", class_="label piece")
        yield shown.compared(before.description, after.description, "Changes of the description")
    if before.schema != after.schema:
        yield h.p("Schema", class_="label piece")
        yield shown.compared(_json(before.schema), _json(after.schema), "Changes of the schema")


def _param(pair: Pair[tuple[str, Any]], shown: ShownChanges) -> Any:
    name = h.span(pair.item[0], class_="data")
    was = _json(pair.before[1]) if pair.before is not None else ""
    now = _json(pair.after[1]) if pair.after is not None else ""
    return _change(shown, pair.kind, name, shown.compared(was, now, f"Changes of {pair.item[0]}"))


def _text(block: Block) -> str:
    """Write a block as text to be compared."""
    if block.kind in ("text", "thinking"):
        return block.text
    if block.kind == "tool_result" and all(each.kind == "text" for each in block.content):
        head = "failed\n" if block.is_error else ""
        return head + "\n".join(each.text for each in block.content)
    if block.kind == "tool_call":
        return f"{block.name or 'tool'}\n{_json(block.value)}"
    defaults = Block(kind="")
    changes_shown = {
        name: value for name, value in msgspec.to_builtins(bare(block)).items() if value != getattr(defaults, name)
    }
    return _json(changes_shown)


def _json(value: Any) -> str:
    """Write a value so that the order of members does not count."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _line(line: TextLine, place: Place) -> Any:
    pieces: list[Any] = [LINE_SIGNS[line.kind]]
    tag = "ins" if line.kind == "added" else "del"
    for text, differs in line.pieces:
        taken = place.budget.take(text)
        pieces.append(element(tag, taken) if differs else taken)
    return h.span(pieces, "\n", class_=line.kind)
