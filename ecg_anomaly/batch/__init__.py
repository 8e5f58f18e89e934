"""From recording files to the files that say what is not normal in them, many recordings in parallel."""
