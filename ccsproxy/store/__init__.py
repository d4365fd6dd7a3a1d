"""The store: crash-safe segments, a rebuildable index, retention."""
