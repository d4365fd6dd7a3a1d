"""From ended exchanges to stored records: built, redacted, passed to the store, acknowledged."""
