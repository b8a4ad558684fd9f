"""Films: the only room that imports av.

`film` says what a file holds, `reading` gives its frames, `segments` encodes results in pieces that
outlive a kill, `joining` makes one file of them with everything that is copied from the source.
"""
