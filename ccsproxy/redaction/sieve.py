"""Telling quickly that a text holds no secret: nearly all that is read holds none.

The search for secrets (`ccsproxy.redaction.shapes`, `ccsproxy.redaction.members`) looks for some thirty literals,
each of which costs a pass over the text. Here one pass drops every letter that is common in prose and code and in no
literal that matters; the literals, without these letters, are looked for in the tenth that is left. Where one of them
seems to be there the real search for it decides.

It errs to one side only: what the search would find in any of the texts is suspicious here. What is not suspicious
need not be searched.
"""

from collections.abc import Collection, Iterable, Iterator

from ccsproxy.redaction.members import may_hold_members
from ccsproxy.redaction.shapes import SHAPES, Shape, url_parameters

#: Texts are looked at together, about so many letters at once: few calls, and what is looked at stays in the cache.
_TOGETHER = 64 << 10
_KEPT = b"ABEGIJKNSghkszxy-_:\"'/"
#: What two literals differ in becomes one letter.
_REDUCE = bytes.maketrans(b"'K", b'"S'), bytes(set(range(256)).difference(_KEPT))
#: What stands between two texts: it ends every word, quoted string and URL.
_BETWEEN = "\n"
#: The letters by which the beginning of a known secret is recognised at the end of a text.
BEGINNING = 8


def _signs() -> Iterator[tuple[bytes, Shape]]:
    """Yield for each shape what is left of its literal, as far as that is the same in all secrets of the shape."""
    for shape in SHAPES:
        if shape.needle not in _WHOLE:
            left = _LEFT.get(shape.needle) or (shape.needle.encode("ascii").translate(*_REDUCE),)
            yield from ((sign, shape) for sign in left)


def _by_sign(signs: Iterable[tuple[bytes, Shape]]) -> tuple[tuple[bytes, tuple[Shape, ...]], ...]:
    shapes: dict[bytes, tuple[Shape, ...]] = {}
    for sign, shape in signs:
        shapes[sign] = (*shapes.get(sign, ()), shape)
    return tuple(shapes.items())


#: What is left of ``gh[pousr]_``, and of ``github_pat_``, which is no less; of ``xox[bapres]-``.
_LEFT = {"gh": (b"gh_", b"ghs_"), "github_pat_": (b"gh_",), "xox": (b"xx-", b"xxs-")}
#: Of these too little would be left; they are looked for in the text itself.
_WHOLE = {"earer ": b"earer", "asic ": b"asic"}
_SIGNS = _by_sign(_signs())
_SIGNS_IN_TEXT = _by_sign((_WHOLE[shape.needle], shape) for shape in SHAPES if shape.needle in _WHOLE)


def suspicious(texts: Iterable[str], known: Collection[str] = ()) -> bool:
    """Tell whether one of some texts may hold a secret.

    :param known: secrets that are known.
    :return: false only where `ccsproxy.redaction.redactor.Redactor.find` finds nothing in each of the texts.
    """
    for batch in _batches(list(texts)):
        for each in known:
            if each[:BEGINNING] in batch:
                return True
        if _suspicious(batch):
            return True
    return False


def suspicious_of(texts: Iterable[str], known: Collection[str]) -> bool:
    """Tell whether one of some texts may hold a known secret, or begin one at its end."""
    joined = _BETWEEN.join(texts)
    return any(each[:BEGINNING] in joined for each in known)


def _batches(texts: list[str]) -> Iterator[str]:
    if sum(map(len, texts)) <= _TOGETHER:
        yield _BETWEEN.join(texts)
        return
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _TOGETHER:
            yield _BETWEEN.join(batch)
            batch, size = [], 0
    if batch:
        yield _BETWEEN.join(batch)


def _suspicious(text: str) -> bool:
    raw = text.encode("utf-8", "surrogatepass")
    left = raw.translate(*_REDUCE)
    for sign, shapes in _SIGNS:
        if sign in left and any(shape.needle in text and shape.occurs(text) for shape in shapes):
            return True
    for sign, shapes in _SIGNS_IN_TEXT:
        if sign in raw and any(shape.occurs(text) for shape in shapes):
            return True
    if b"://" in left and "?" in text and any(True for _ in url_parameters(text)):
        return True
    return b'":' in left and may_hold_members(text)
