"""Random scenes for the Waymo metric, and the official op that they are compared with."""
