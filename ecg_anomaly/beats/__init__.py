"""From samples to beats: conditioning, QRS complexes, quality, leads, windows, and the labels that annotations give."""
