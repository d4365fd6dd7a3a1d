"""Commands that read records: lists, one exchange, search, sums, exports, live."""
