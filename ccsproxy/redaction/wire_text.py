"""The text of header fields and request targets, whose bytes need not be in any charset."""


def text_of(value: bytes | str) -> str:
    """Return the text of a field or target: decoded as UTF-8 if valid, else as Latin-1."""
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
