"""Arrays in, pictures out: curves, feature colours, boxes, masks, labels from above, and a page to turn sweeps in."""
