"""The endpoints of what is made of records."""
