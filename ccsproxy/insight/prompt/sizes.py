"""How many tokens a text has, estimated: no provider's counter works offline, and Claude's is not public.

The estimates only have to be right in proportion to one another, as they are scaled to what the provider counted. A
text is split as byte-pair encodings split before they join (words at changes of case, runs of digits and of signs);
a common word is one token, long ones are several, neighbouring signs go together in pairs. tiktoken would fetch its
tables over the network at first use, and knows no Claude.
"""

import re

#: A text is judged by samples of this many characters, at most four.
_SAMPLE = 1500
_PIECES = re.compile(
    r"[^\W\d_]?[a-zà-ÿ]+|[A-Z]+(?![a-z])|[\u2e80-\u9fff\uac00-\ud7af]|[^\W\d_]+"
    r"|\d{1,3}|\n\s*|[^\w\s]{1,2}|_|[ \t]{2,}"
)
#: Letters of a word that are one token, and words that are more.
_WORD = 9
_LONG = re.compile(r"[a-zà-ÿ]{10,}")


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text."""
    if not text:
        return 0
    sample = _sampled(text)
    return max(1, round(_pieces(sample) * len(text) / len(sample)))


def _sampled(text: str) -> str:
    """Return a text, or four stretches of a long one."""
    if len(text) <= 4 * _SAMPLE:
        return text
    step = (len(text) - _SAMPLE) // 3
    return "".join(text[at : at + _SAMPLE] for at in range(0, len(text) - _SAMPLE + 1, step))


def _pieces(sample: str) -> int:
    longer = sum((len(word) - 1) // _WORD for word in _LONG.findall(sample))
    return len(_PIECES.findall(sample)) + longer
