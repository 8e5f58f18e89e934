"""The web application: drop a recording on a page, see which of its beats are not normal, and why.

``uploads`` takes files from the browser, ``workspace`` keeps them, and what was done to them, until they are deleted
(its ``database`` on disk, its ``cache`` in memory), and ``jobs`` is what other processes do to analyse them.
``decisions`` is what a threshold does.
``sections`` are the parts of the page, ``figures`` what they draw; ``app`` is the whole page, ``server`` has the routes
beside Dash's own.
"""
