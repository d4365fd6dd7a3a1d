"""The care of what is stored: recovery at start, retention and compression in the background, checks on demand."""
