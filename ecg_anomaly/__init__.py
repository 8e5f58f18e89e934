"""Which heartbeats of a recording are not normal: from its file to a report, one subject per module.

A beat goes through the folders in this order, and no import runs back up:

``records`` reads any recording (and downloads, simulates and splits the annotated ones), ``beats`` brings its signal
to one sampling rate and band, finds the beats and cuts a window around each, ``detector`` asks three questions of
every window and turns the answers into a score and a flag, for whole records as for beats that arrive one by one.
``handover`` names and writes the files that the scripts hand on. ``findings`` says what became of a recording,
``evaluation`` compares flags with annotations, ``reports`` draws both; ``live`` and ``web`` serve recordings while
they arrive and on a page.

Below all of them lie ``config`` (every setting), ``manifest`` (folders that appear whole or not at all),
``commandline``, ``processes``, ``words``, ``quiet`` and ``errors``; ``workers`` and ``batch`` analyse many recordings.
"""

__version__ = "0.2.0"
