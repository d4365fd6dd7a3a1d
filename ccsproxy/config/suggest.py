"""Suggestions for an option that does not exist."""

import difflib
from collections.abc import Iterable

#: How similar two names must be, from 0 to 1, to count as a typing error.
_ALIKE = 0.7


def did_you_mean(option: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests similar options, empty if there are none.

    Part of a longer name counts as similar (``--port`` for ``--proxy-port``), so does a typing error (``--upstrem``),
    and a typing error in such a part (``--prot``).

    :param option: the option as given, with its dashes and without a value.
    :param known: the existing options, without dashes.
    """
    given = option.lstrip("-").partition("=")[0].lower()
    names = list(known)
    similar = (
        [name for name in names if given in name.split("-")]
        or difflib.get_close_matches(given, names, 3, _ALIKE)
        or [name for name in names if difflib.get_close_matches(given, name.split("-"), 1, _ALIKE)]
    )
    return f"; did you mean {' or '.join(f'--{name}' for name in similar[:3])}?" if given and similar else ""
