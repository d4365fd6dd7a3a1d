"""Commands that read records: lists, single exchanges, search, totals, exports, live view."""
