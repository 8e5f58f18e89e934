"""How well the detector works: figures, confidence intervals, baselines, noise."""
