"""Shipping: finished records go to engines that teams have, at least once, in order, from a process of its own."""
