"""What the scripts share: from a record's samples to a report, one subject per module.

The way of a beat through the pipeline:

``fetching`` finds the records (``physionet`` downloads them, ``simulate`` makes them), ``records`` reads signals and
annotations, ``signals`` brings them to one sampling rate and band, ``beats`` cuts a window around every beat,
``splits`` says who trains and who tests. ``history`` is what is known of a patient when a beat comes: ``patient``
makes the patient's own beat of it, ``rhythm`` the patient's own rhythm. ``autoencoder`` reconstructs the windows,
``measures`` asks three questions of every beat, ``scoring`` turns the answers into an anomaly score, ``thresholds``
says from which score on a beat is flagged. ``metrics``, ``bootstrap`` and ``evaluation`` compare the flags with the
annotations, the modules in ``reports`` show it.

A recording without annotations goes another way, through the same functions: ``recordings`` reads it in blocks,
``qrs`` finds its beats, ``quality`` judges whether they can be read, ``analysis`` scores them while they arrive: from
a file, from a source in ``live``, or for the page in ``web``. What a user really gets is measured with ``matching``,
which compares found beats with annotated ones: ``detected_beats`` cuts test records where the detector finds beats,
``noise_stress`` adds ``noise`` to them.

``config`` and ``artifacts`` hold it together: the settings, and the files that the scripts hand on.
"""
