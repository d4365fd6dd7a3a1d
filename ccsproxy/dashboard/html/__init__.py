"""What every page is made of: markup, SVG, Markdown, blocks, figures, words."""
