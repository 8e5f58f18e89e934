"""From the samples of a recording that nobody annotated to scored beats and events, from a file or live."""
