"""Headings with their content, the parts of a readable export."""

import attr


@attr.frozen
class ReportBlock:
    """A piece of captured content, shown unchanged.

    :ivar label: a heading, empty if the section's title suffices.
    :ivar text: the content.
    :ivar language: its language (``json``, ``http``), empty for plain text.
    """

    label: str
    text: str
    language: str = ""


@attr.frozen
class Section:
    """A heading and the content below it."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    blocks: tuple[ReportBlock, ...] = ()
