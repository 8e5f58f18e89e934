"""The sections of the page, from top to bottom: each has its layout, and the callbacks that fill it."""
