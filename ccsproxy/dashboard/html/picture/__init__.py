"""What is drawn in a page: charts, their keys, and the SVG that they are made of."""
