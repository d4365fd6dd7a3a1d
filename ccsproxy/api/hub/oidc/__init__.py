"""OpenID Connect for the hub: the provider, its ID tokens, login sessions, and the login and logout pages."""
