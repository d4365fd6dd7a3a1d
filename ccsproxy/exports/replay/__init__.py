"""A recorded request as one that can be sent again: with other words, another model, and somebody's own login."""
