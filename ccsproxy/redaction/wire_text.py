"""The text of header fields and request targets, whose bytes need not be in any charset."""


def text_of(value: bytes | str) -> str:
    """Return the text of a field or target: UTF-8 where it is that, else one letter a byte."""
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
