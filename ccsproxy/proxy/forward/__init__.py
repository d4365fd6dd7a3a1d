"""The proxy port as a forward proxy: CONNECT, absolute-form, interception, and connections that switch protocols."""
