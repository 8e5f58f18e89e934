"""Beats that are not normal, told while the signal arrives: sources, what there is to tell, files and a view."""
