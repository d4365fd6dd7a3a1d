"""How many tokens a text has, estimated: no provider's counter works offline, and Claude's is not public.

The estimates only have to be right in proportion to one another, as they are scaled to what the provider counted.
Characters a token: English prose about 4.2, code and JSON about 3.2 (strands-agents/harness-sdk#2031 and
google-gemini's documentation measure the same); scripts without spaces about one token a character.
"""

import re

#: A text is judged by samples of this many characters, at most four.
_SAMPLE = 1500
_SIGNS = re.compile(r"[^\w\s]|\d|_")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_PROSE, _DENSE = 4.3, 2.7


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text."""
    if not text:
        return 0
    sample = _sampled(text)
    per_token = _characters_per_token(sample)
    if not text.isascii():
        wide = len(_WIDE.findall(sample)) / len(sample)
        per_token = 1 / (wide / 1.1 + (1 - wide) / per_token)
    return max(1, round(len(text) / per_token))


def _sampled(text: str) -> str:
    if len(text) <= 4 * _SAMPLE:
        return text
    step = (len(text) - _SAMPLE) // 3
    return "".join(text[at : at + _SAMPLE] for at in range(0, len(text) - _SAMPLE + 1, step))


def _characters_per_token(sample: str) -> float:
    """Return how many characters make a token: the more signs and digits, the fewer."""
    density = len(_SIGNS.findall(sample)) / len(sample)
    return max(_DENSE, _PROSE - 6.0 * max(density - 0.03, 0.0))
