"""Tables of samples: text with a row per sample, as loggers, watches and laboratories write it."""
