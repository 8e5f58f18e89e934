"""The web application: drop a recording on a page, see which of its beats are not normal, and why.

``uploads`` takes files from the browser, ``jobs`` has them analysed by other processes, which write all that was found
to the ``store``, a folder per recording; ``library`` keeps those folders apart and deletes them. ``decisions`` is what
the user may change: the threshold, and marks on beats. ``layout`` is the page, ``figures`` and ``words`` what it
shows, the modules called ``callbacks`` connect both; ``server`` has the routes beside Dash's own.
"""
