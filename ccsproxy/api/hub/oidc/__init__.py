"""OpenID Connect for the hub: the provider, its tokens, our sessions, and the pages of logging in and out."""
