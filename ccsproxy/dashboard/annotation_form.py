"""The form for star, tags and note of a session or call, which the script sends to the API."""

from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.markup import h
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import LONGEST_NOTE, Annotation


def annotation_of(reader: Reader, sid: str, seq: int = 0) -> Annotation:
    """Return the annotation of a session or call; an empty one if there is none."""
    named = (each for each in reader.annotations() if (each.session_id, each.seq) == (sid, seq))
    return next(named, Annotation(sid, seq))


def annotation_form(reader: Reader, sid: str, seq: int = 0) -> Any:
    """Show star, tags and note, and let the script change them; without it they can be read."""
    found = annotation_of(reader, sid, seq)
    where = f"/api/annotations/{sid}/{seq}" if seq else f"/api/annotations/{sid}"
    tags = [h.li(h.a(tag, href=address.requests(q=f"tag:{tag}")), class_="tag") for tag in found.tags]
    return h.div(
        h.button(
            "★" if found.starred else "☆",
            type="button",
            class_="plain star",
            aria_pressed="true" if found.starred else "false",
            aria_label="Star",
            id="star",
            hidden=True,
            data_testid="star",
        ),
        h.span("starred", class_="was-starred muted") if found.starred else None,
        h.ul(tags, class_="tags", aria_label="Tags", id="tags", hidden=not tags),
        h.p(found.note, class_="note-text", id="note-text", hidden=not found.note, data_testid="note-text"),
        _editor(found),
        class_="annotation",
        data_annotation=where,
        data_testid="annotation",
    )


def _editor(found: Annotation) -> Any:
    return h.details(
        h.summary("Tags and note"),
        h.form(
            h.label("Tags, by spaces", for_="edit-tags"),
            h.input(id="edit-tags", name="tags", value=" ".join(found.tags), autocomplete="off"),
            h.label("Note", for_="edit-note"),
            h.textarea(found.note, id="edit-note", name="note", rows="3", maxlength=str(LONGEST_NOTE)),
            h.p(h.button("Save", type="submit"), h.span("", id="annotation-said", role="status"), class_="actions"),
            id="annotation-form",
        ),
        class_="annotate",
        hidden=True,
    )
