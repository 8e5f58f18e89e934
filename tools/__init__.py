"""Tools for developers: what the project costs, what was tried, pictures for the README."""
