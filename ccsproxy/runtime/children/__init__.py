"""Child processes of the service: started, supervised, and linked by a socket pair."""
