"""Beats that are not normal, while the signal arrives: sources, what is said of them, files and a view."""
