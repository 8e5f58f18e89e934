"""From beats to anomaly scores: rhythm, the patient's own beat, the autoencoder, surprise and threshold."""
