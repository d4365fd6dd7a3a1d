"""Suggestions for an option that does not exist."""

import difflib
from collections.abc import Iterable

#: How alike two names must be, from 0 to 1, to be taken for a slip of the finger.
_ALIKE = 0.7


def did_you_mean(option: str, known: Iterable[str]) -> str:
    """Return the sentence's end that names what was probably meant, empty when nothing is near.

    Part of a longer name counts as near (``--port`` for ``--proxy-port``), so does a slip (``--upstrem``), and a slip
    in such a part (``--prot``).

    :param option: what was said, with its dashes and without a value.
    :param known: the options that there are, without dashes.
    """
    said = option.lstrip("-").partition("=")[0].lower()
    names = list(known)
    near = (
        [name for name in names if said in name.split("-")]
        or difflib.get_close_matches(said, names, 3, _ALIKE)
        or [name for name in names if difflib.get_close_matches(said, name.split("-"), 1, _ALIKE)]
    )
    return f"; did you mean {' or '.join(f'--{name}' for name in near[:3])}?" if said and near else ""
