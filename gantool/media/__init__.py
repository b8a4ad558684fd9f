"""Pictures and films on disk: what goes in, what comes out, and nothing lost in between."""
