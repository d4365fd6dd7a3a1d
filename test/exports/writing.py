"""Writes exchanges in a format, and reads pages back."""

from html.parser import HTMLParser
from typing import Any

from ccsproxy.exports.formats import EXCHANGE
from test.exports.records import UPSTREAMS, make_record

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\n````\n# heading\n"


def write(name: str, **changes: Any) -> str:
    """Write one exchange in a format."""
    return "".join(EXCHANGE[name].write(make_record(**changes), UPSTREAMS))


class Tags(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data
