"""What the four scripts share: from a record's samples to a report, one subject per module.

The way of a beat through the package:

``fetching`` finds the records (``physionet`` downloads them, ``simulate`` makes them), ``records`` reads signals and
annotations, ``signals`` brings them to one sampling rate and band, ``beats`` cuts a window around every annotated
beat, ``splits`` says who trains and who tests. ``history`` is what is known of a patient when a beat comes:
``patient`` makes the patient's own beat of it, ``rhythm`` the patient's own rhythm. ``autoencoder`` reconstructs the
windows, ``detection`` asks three questions of every beat, ``scoring`` turns the answers into an anomaly score,
``thresholds`` says from which score on a beat is flagged. ``metrics``, ``bootstrap`` and ``evaluation`` compare the
flags with the annotations, ``figure_data``, ``plots`` and ``report`` show it.

``config`` and ``artifacts`` hold it together: the settings, and the files that the scripts hand on.
"""
