"""The web application: drop a recording on a page, see which of its beats are not normal, and why.

``uploads`` takes files from the browser, ``opened`` keeps them until they are deleted, and ``jobs`` is what other
processes do to analyse them. ``decisions`` is what the user may change: the threshold, and marks on beats.
``sections`` are the parts of the page, ``figures`` what they draw; ``app`` is the whole page, ``server`` has the routes
beside Dash's own.
"""
