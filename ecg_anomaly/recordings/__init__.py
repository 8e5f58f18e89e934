"""Recordings of any kind, read block by block: WFDB, EDF, BDF and CSV files."""
