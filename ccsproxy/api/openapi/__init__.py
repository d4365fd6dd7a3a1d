"""The description of the API: parameters, schemas, the document."""
