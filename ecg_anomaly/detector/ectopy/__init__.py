"""Simulated ectopic beats, made from normal ones: what the network learns to tell from the patient's own beats."""
