"""Text to model and back, pure: no socket, no map, no clock."""
