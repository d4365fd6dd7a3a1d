"""The bounds of numbers in records (contract, section 4)."""

#: The greatest whole number that every reader of JSON holds exactly, 2^53 - 1 (RFC 8259, section 6).
MOST = 9_007_199_254_740_991
