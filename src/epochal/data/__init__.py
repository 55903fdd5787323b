"""Data: one file per data set or format, and the way from stored bytes to batches on a device."""
