"""Arrays in, pictures out: curves, feature colours, boxes from above, and the self-contained report."""
