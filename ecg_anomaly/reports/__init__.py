"""What people look at: plots, the report of a run, the page of a recording."""
