"""The known providers, as data: names, base URLs, secret headers, prices."""
