"""What the messages of a WebSocket amount to: exchanges, each a request and its response, or a log of messages."""
