"""Commands that read records: lists, one exchange, search, totals, exports, live."""
