"""Limits on how much a page shows, so that a record of 20 MB makes a page that a browser can handle."""

#: Characters of captured content on one page, and of one text.
ON_PAGE, IN_TEXT = 600_000, 60_000
#: Elements on one page that content is shown with.
ELEMENTS = 12_000
#: Characters of the base64 of images on one page.
IMAGES = 6_000_000


class RenderBudget:
    """What is left of a page's room.

    :ivar cut: how many characters were left out.
    """

    def __init__(self, characters: int = ON_PAGE, elements: int = ELEMENTS, images: int = IMAGES) -> None:
        self._characters, self._elements, self._images = characters, elements, images
        self.cut = 0

    def take(self, text: str, most: int = IN_TEXT) -> str:
        """Return as much of a text as there is room for."""
        room = max(min(most, self._characters), 0)
        shown = text[:room]
        self._characters -= len(shown)
        # Counted, so that the page can say how much of the record it does not show.
        self.cut += len(text) - len(shown)
        return shown

    def element(self) -> bool:
        """Take one element; tells whether there was room for it."""
        # On below zero: whoever takes an element unasked, such as a block, leaves none for those who ask.
        self._elements -= 1
        return self._elements >= 0

    def image(self, data: str) -> bool:
        """Take the room of an image; tells whether there was room for it."""
        # An image is shown whole or not at all: half of its base64 is a broken picture.
        if len(data) > self._images:
            return False
        self._images -= len(data)
        return True
