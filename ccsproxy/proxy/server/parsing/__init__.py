"""What a client's bytes say: where a head ends, what it asks for, and how its body is framed."""
