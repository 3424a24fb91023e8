"""What can go wrong with a lab."""

from elvs.model.errors import ElvsError


class LabError(ElvsError):
    """A lab cannot be made, found, or used as asked."""
