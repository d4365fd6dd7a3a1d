"""Reasons why a recorded request cannot be sent again as requested; each message is a sentence for people."""


class EditError(ValueError):
    """A request cannot be modified as requested."""


class NotReplayable(ValueError):
    """A record is insufficient to send its request again, or must not be sent where it went."""
