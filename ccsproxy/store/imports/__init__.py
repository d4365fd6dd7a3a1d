"""Imports: creates records from the data of other programs and versions."""
