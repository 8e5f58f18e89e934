"""The files that the scripts hand on: their names and columns, how they are written and read."""
