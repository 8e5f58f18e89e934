"""What the four scripts share: from a record's samples to a report, one subject per module.

The way of a beat through the package:

``records`` reads signals and annotations, ``signals`` brings them to one sampling rate and band,
``beats`` cuts a window around every annotated beat, ``splits`` says who trains and who tests,
``autoencoder`` reconstructs the windows, ``scoring`` turns the error into an anomaly score and a
threshold, ``metrics`` compares the flags with the annotations, ``plots`` and ``report`` show it.
"""
