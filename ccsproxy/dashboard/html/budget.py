"""Limits on how much a page shows, so that a record of 20 MB makes a page that a browser can handle."""

#: Characters of captured content on one page, and of one text.
ON_PAGE, IN_TEXT = 600_000, 60_000
#: Elements on one page that content is shown with.
ELEMENTS = 12_000
#: Characters of the base64 of images on one page.
IMAGES = 6_000_000


class RenderBudget:
    """The remaining room on a page.

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
        # Counted, so that the page can show how much of the record it leaves out.
        self.cut += len(text) - len(shown)
        return shown

    def element(self) -> bool:
        """Reserve room for one element; return whether there was room."""
        # May become negative: blocks take elements without asking, and leave none for those who ask.
        self._elements -= 1
        return self._elements >= 0

    def image(self, data: str) -> bool:
        """Reserve room for an image; return whether there was room."""
        # An image is shown completely or not at all, because half of its base64 is a broken picture.
        if len(data) > self._images:
            return False
        self._images -= len(data)
        return True
