"""Reads pages back, as a browser would."""

import re
from html.parser import HTMLParser
from typing import Any

import attr

from ccsproxy.dashboard.html.markup import h, write

_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


@attr.define
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Any] = attr.field(factory=list)

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Return the elements in it, in their order, that have a tag and attributes."""
        found = []
        for each in self.children:
            if isinstance(each, Element):
                wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
                fits = all(each.attributes.get(name) == value for name, value in wanted.items())
                if fits and tag in ("", each.tag):
                    found.append(each)
                found += each.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> "Element":
        """Return the one element that has a tag and attributes."""
        found = self.all(tag, **attributes)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} of {tag} {attributes}")
        return found[0]


class PageReader(HTMLParser):
    """Builds the tree of a page; refuses one whose tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        self._open[-1].children.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._open[-1].tag != tag:
            raise AssertionError(f"{tag} closes {self._open[-1].tag}")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read_page(html: bytes) -> Element:
    """Return a page's tree."""
    reader = PageReader()
    reader.feed(html.decode("utf-8"))
    reader.close()
    return reader.root


def shown(content: Any) -> Element:
    """Write a piece of a page by itself, and read it back."""
    return read_page(write(h.div(content)))


def misdeeds(page: Element) -> list[str]:
    """Return what the policy of the pages would stop or what could act: there must be nothing."""
    found = []
    for each in page.all():
        for name, value in each.attributes.items():
            if name == "style" or name.startswith("on"):
                found.append(f"{each.tag} {name}")
            # An image of the record is shown from the page itself, and can be nothing but an image.
            if each.tag == "img" and name == "src" and _IMAGE.fullmatch(value or ""):
                continue
            if name in {"href", "src", "action"} and not (value or "").startswith(("/", "#")):
                found.append(f"{each.tag} {name}={value}")
        if each.tag in {"style", "iframe", "object", "embed", "base"}:
            found.append(each.tag)
        if each.tag == "script" and (each.text.strip() or not each.attributes.get("src")):
            found.append("inline script")
    return found
