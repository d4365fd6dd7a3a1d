"""Headings with their content, the parts of a readable export."""

import attr


@attr.frozen
class ReportBlock:
    """A piece of captured content, shown as it is.

    :ivar label: what it is, empty when the section's title says it.
    :ivar text: the content.
    :ivar language: what it is written in (``json``, ``http``), empty for text.
    """

    label: str
    text: str
    language: str = ""


@attr.frozen
class Section:
    """A heading and what stands below it."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    blocks: tuple[ReportBlock, ...] = ()
