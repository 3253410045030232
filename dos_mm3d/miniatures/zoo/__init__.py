"""The varied world on which the shipped weights are learnt: many sensors, kinds of street and scales of intensity.

Made from the parts of the miniatures; what they lack is here. One scene is a pure function of (seed, index)."""
