"""Building blocks of pages: markup, SVG, Markdown, message blocks, figures, words."""
