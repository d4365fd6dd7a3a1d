"""Sans-IO decoders of wire formats: event streams, content codings, header fields, JSON text."""
