"""What became of a recording: its flagged beats, events and summary, and the files that keep them."""
