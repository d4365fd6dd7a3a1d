"""Reasons why a recorded request cannot be sent again as asked; each message is a sentence for people."""


class EditError(ValueError):
    """A request cannot be changed as was asked."""


class NotReplayable(ValueError):
    """A record does not tell enough to send its request again, or may not be sent where it went."""
