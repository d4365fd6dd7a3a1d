"""Starting agents so that their calls pass through here, with nothing of the user's changed (contract, section
11)."""
