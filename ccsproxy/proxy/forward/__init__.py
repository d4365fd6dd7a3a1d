"""The proxy port as an HTTP proxy: CONNECT, absolute-form, interception, and connections that change protocol."""
