"""Drawings in pages: charts, their legends, and the SVG they consist of."""
