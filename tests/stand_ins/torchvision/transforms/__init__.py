"""Nothing but `functional`."""
