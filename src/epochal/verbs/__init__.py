"""What a user can do, one file per verb; the public API hands these on."""
