"""Recordings: where they lie, and their samples, from a file of any format, through one reader."""
