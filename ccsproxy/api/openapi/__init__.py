"""The OpenAPI description of the API: parameters, schemas, and the document itself."""
