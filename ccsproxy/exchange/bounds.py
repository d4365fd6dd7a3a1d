"""Bounds of numbers in records."""

#: The greatest integer that every JSON parser represents exactly, 2^53 - 1 (RFC 8259, section 6).
MOST = 9_007_199_254_740_991
