"""Pages in HTML that need nothing beside them: no network, no other file."""
